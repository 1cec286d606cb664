#pragma once

#include <thread>

#include "base/files.h"
#include "base/log.h"
#include "simtee/enclave.h"

namespace strongroom::simtee {

// The two ends of an attestation socket: one for the server, one for the workload to inherit.
struct AttestationSocketPair {
  UniqueFd server;
  UniqueFd workload;
};
Result<AttestationSocketPair> MakeAttestationSocket();

// Answers what comes over an attestation socket (tee/attestation_protocol.h) until the last holder
// of the other end closed it or this object goes. Requests are answered one after the other, in the
// order in which they came.
class AttestationServer {
 public:
  // `enclave` and `log` are borrowed for life.
  AttestationServer(UniqueFd socket, const Enclave& enclave, Log& log);
  ~AttestationServer();
  AttestationServer(const AttestationServer&) = delete;
  AttestationServer& operator=(const AttestationServer&) = delete;

 private:
  void Serve();

  const UniqueFd socket_;
  const Enclave& enclave_;
  Log& log_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace strongroom::simtee
