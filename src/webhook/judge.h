#pragma once

#include "webhook/config.h"
#include "webhook/review.h"

namespace strongroom::webhook {

// The whole decision, a pure function of the review and the configuration.

// Before a pod is stored: what it asks for by its labels is added to it. Pods without a marble
// label and everything that is no creation of a pod pass as they are.
Verdict Mutate(const Review& review, const Configuration& configuration);

// The final state, after every other admission plugin had its turn: a created marble must lack
// nothing that Mutate would still add, its labels of ours and MarbleRun's never change, and no
// ephemeral container is put beside it. Never has a patch.
Verdict Validate(const Review& review, const Configuration& configuration);

}  // namespace strongroom::webhook
