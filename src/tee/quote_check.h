#pragma once

#include "base/bytes.h"
#include "tee/evidence_source.h"

namespace strongroom::tee {

// That `quote` parses as a DCAP quote and carries `report_data`: a TEE's answer is returned only if
// it answers what was asked. Layout only, no signature. kMalformed for no quote, kUnavailable for a
// quote over other report data.
Status ExpectQuoteOver(ByteView quote, ReportDataView report_data);

}  // namespace strongroom::tee
