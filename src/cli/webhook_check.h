#pragma once

#include <optional>

#include "cli/installation.h"
#include "cli/kubernetes.h"

namespace strongroom::cli {

// What keeps the API server from calling the webhook of an installation, whose pods may well be
// ready: no registration, no authority in it, or what the API server says when it is asked what it
// would do with a labelled pod (a dry run: nothing is made), which it may also take without asking
// the webhook.
// kCancelled when it was interrupted; any other error says why it cannot be known.
Result<std::optional<Problem>> FindWebhookProblem(const Kubectl& kubectl);

}  // namespace strongroom::cli
