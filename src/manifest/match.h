#pragma once

#include <string>
#include <vector>

#include "attest/anchors.h"
#include "attest/claims.h"
#include "attest/findings.h"
#include "attest/verifier.h"
#include "manifest/manifest.h"

namespace strongroom::manifest {

// The roots that evidence of this package may rest on: Intel's, and those the
// package names.
attest::TrustAnchors AnchorsOf(const Package& package);

// How to verify evidence of this package: debug enclaves give claims only where
// the package wants one.
attest::VerifierOptions VerifierOptionsOf(const Package& package);

// Empty when the package names either UniqueID alone, or SignerID, ProductID
// and SecurityVersion; else what is wrong ("has neither UniqueID nor …"). A
// debug package need not be complete.
std::string IdentityProblem(const Package& package);

// What is against these claims being this package, all of it, as errors of code
// kDenied; empty: they match.
//   package.incomplete   the package does not say enough to match anything
//   (CheckManifest refuses it too) package.anchor       the evidence rests on a
//   root that this package does not name package.debug        debug attribute
//   and `Debug` differ, either way package.unique-id, package.signer-id,
//   package.product-id, package.security-version package.tcb-status   neither
//   UpToDate nor listed in AcceptedTCBStatuses; Revoked always package.advisory
//   the status is accepted, but an advisory is not in a non-empty
//   AcceptedAdvisories
std::vector<attest::Finding> Match(const attest::VerifiedClaims& claims, const Package& package);

}  // namespace strongroom::manifest
