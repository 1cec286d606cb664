#include "tee/quote_check.h"

#include "attest/quote.h"

namespace strongroom::tee {

Status ExpectQuoteOver(ByteView quote, ReportDataView report_data) {
  ASSIGN_OR_RETURN(const attest::Quote parsed, In("the TEE's quote", attest::ParseQuote(quote)));
  if (!Equal(parsed.body.report_data.view(), report_data)) {
    return Unavailable(
        "the TEE's quote is over other report data than was asked for: something else in this "
        "process "
        "asks for quotes at the same time");
  }
  return {};
}

}  // namespace strongroom::tee
