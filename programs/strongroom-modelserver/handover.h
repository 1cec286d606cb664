#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "net/tls.h"
#include "serving/core/access.h"
#include "serving/models/folder_source.h"

namespace strongroom::modelserver {

// What this program was given by the agent that attested it: who it is, which models it may open
// and who may ask them. Everything that steers trust is in here; nothing of it comes from flags.
struct Handover {
  net::Credentials credentials;
  std::map<std::string, serving::models::ModelTrust> models;
  serving::ModelClients clients;
};

// Reads a v1::Handover message. kMalformed for one that lacks what serving needs, kUntrusted for a
// key that is not the certificate's.
Result<Handover> ParseHandover(ByteView bytes);

// Reads the message from the descriptor that STRONGROOM_HANDOVER_FD names and closes it.
// kPrecondition without one.
Result<Handover> ReadHandover();

}  // namespace strongroom::modelserver
