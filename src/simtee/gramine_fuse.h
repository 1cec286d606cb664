#pragma once

#include <memory>

#include "base/files.h"
#include "simtee/enclave.h"

namespace strongroom::simtee {

// Serves the files of Gramine's /dev/attestation that ask for evidence and keys: attestation_type
// ("dcap"), user_report_data (64 bytes; shorter writes are padded with zeros, longer ones cut),
// quote (a new one for every open), keys/_sgx_mrenclave and keys/_sgx_mrsigner (16 bytes). Not
// there: target_info, my_target_info and report, which serve local attestation between enclaves of
// one processor, and keys for protected files.
class GramineFuse {
 public:
  // `fuse` is the /dev/fuse descriptor of a mounted file system (EnterEnclaveRoot); `enclave` is
  // borrowed for life. Serves until that file system is gone, which is when the workload's
  // namespace is.
  static Result<std::unique_ptr<GramineFuse>> Serve(UniqueFd fuse, const Enclave& enclave);
  virtual ~GramineFuse() = default;
};

}  // namespace strongroom::simtee
