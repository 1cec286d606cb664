#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// Which of a coordinator's workloads a client talks to. All of them have certificates under one
// root; a name that the manifest gave to one tells it apart, "localhost" does not: every marble
// that lists no names has it.
namespace strongroom::cli {

// True for "localhost" and for loopback addresses.
bool IsLoopbackName(std::string_view host);

// What a person should know of the server whose chain (DER, leaf first) this is: that its evidence
// rests on another root than Intel's. The coordinator marks such leaves; the manifest decided that
// they may be. Empty when there is nothing to say.
std::string RemarkOnRoot(const std::vector<Bytes>& chain);

// kUntrusted unless the leaf of `chain` (DER, leaf first) was issued to the marble of this name.
Status ExpectMarble(std::string_view marble, const std::vector<Bytes>& chain);

}  // namespace strongroom::cli
