#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "attest/endorsements.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "collateral/floors.h"

namespace strongroom::agent {

// What the coordinator said to prove itself, and what the connection it came on looks like from
// this end.
struct CoordinatorProof {
  Bytes nonce;                      // ours
  Bytes exporter;                   // of the connection
  std::vector<Bytes> server_chain;  // as presented in the handshake, DER, leaf first
  Bytes evidence;                   // a DCAP quote
  attest::Endorsements endorsements;
  Bytes manifest_sha256;
  std::string authorities_pem;  // its root, and a certificate by the root for the connection's key
};

// Holds the proof against the measured expectation:
//  by identity: the evidence verifies at `now` under the named anchors, is bound to the nonce, the
//  key of the server's
//    certificate and the connection, and names an accepted enclave on an accepted platform;
//  by root: the pinned root is, or signed a certificate of, the key of this very connection;
//  by manifest: the fingerprint it says it holds is the pinned one;
//  and the clock says no less than the configuration does and than the collateral that was seen
//    before. `floors` are raised to what the coordinator sent, when that is genuine.
// Everything that is named must hold. kUntrusted or kDenied, with the first finding.
Status CheckCoordinator(const CoordinatorProof& proof, const CoordinatorExpectation& expected,
                        collateral::Floors& floors, UnixSeconds now);

}  // namespace strongroom::agent
