#pragma once

#include "base/clock.h"
#include "net/router.h"
#include "sim/collateral.h"

namespace strongroom::simtee {

// The collateral paths of Intel's provisioning certification service, API version 4, as a caching
// service (PCCS) serves them: /sgx/certification/v4/{tcb, qe/identity, pckcrl, rootcacrl, crl,
// fmspcs}, issuer chains in headers, 400 for a bad query and 404 for what it does not know. Paths
// without the version's number in them are not there. Both references are borrowed for the router's
// life.
void AddPccsRoutes(net::Router& router, const sim::Collateral& collateral, const Clock& clock);

}  // namespace strongroom::simtee
