#pragma once

#include "agent/activation.h"
#include "agent/config.h"
#include "agent/file_layout.h"

namespace strongroom::agent {

// What of an activation becomes files: those of the manifest, and the certificates and key for
// which the configuration names places.
bool HasFiles(const Activation& activation, const CredentialFiles& names);

// Errors as of FileLayout::Write.
Status WriteFiles(const Activation& activation, const CredentialFiles& names, FileLayout& layout);

// The same over files that are there: readers see the old content or the new, never a part. Files
// that the new activation does not have stay as they are.
Status ReplaceFiles(const Activation& activation, const CredentialFiles& names, FileLayout& layout);

// When two thirds of the leaf certificate's life are over. kMalformed: the chain holds none.
Result<UnixSeconds> RenewalTime(const Activation& activation);

}  // namespace strongroom::agent
