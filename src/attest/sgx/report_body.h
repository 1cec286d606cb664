#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/reader.h"

namespace strongroom::attest {

struct MrEnclaveTag;
struct MrSignerTag;
struct ReportDataTag;
struct CpuSvnTag;
struct ConfigIdTag;
struct IsvExtProdIdTag;
struct IsvFamilyIdTag;

using MrEnclave = FixedBytes<MrEnclaveTag, 32>;  // digest of the enclave's code, data and layout
using MrSigner = FixedBytes<MrSignerTag, 32>;  // SHA-256 of the signer's RSA modulus, little endian
using ReportData = FixedBytes<ReportDataTag, 64>;  // what the enclave chose to say
using CpuSvn = FixedBytes<CpuSvnTag, 16>;
using ConfigId = FixedBytes<ConfigIdTag, 64>;
using IsvExtProdId = FixedBytes<IsvExtProdIdTag, 16>;
using IsvFamilyId = FixedBytes<IsvFamilyIdTag, 16>;

// ATTRIBUTES.FLAGS of an enclave (Intel SDM volume 3D, 33.7.1).
inline constexpr std::uint64_t kSgxFlagInit = 1U << 0;
inline constexpr std::uint64_t kSgxFlagDebug = 1U << 1;
inline constexpr std::uint64_t kSgxFlagMode64Bit = 1U << 2;
inline constexpr std::uint64_t kSgxFlagProvisionKey = 1U << 4;
inline constexpr std::uint64_t kSgxFlagEinitTokenKey = 1U << 5;

// The 384 bytes of REPORT that name an enclave (Intel SDM volume 3D, table 33-21), of the
// application and of the quoting enclave alike. Integers are little endian.
struct SgxReportBody {
  static constexpr std::size_t kSize = 384;

  CpuSvn cpu_svn;
  std::uint32_t miscselect = 0;
  IsvExtProdId isv_ext_prod_id;
  std::uint64_t attributes_flags = 0;
  std::uint64_t attributes_xfrm = 0;
  MrEnclave mrenclave;
  MrSigner mrsigner;
  ConfigId config_id;
  std::uint16_t isv_prod_id = 0;
  std::uint16_t isv_svn = 0;
  std::uint16_t config_svn = 0;
  IsvFamilyId isv_family_id;
  ReportData report_data;

  // A debug enclave: its host reads and writes its memory. MRENCLAVE does not tell.
  bool debug() const { return (attributes_flags & kSgxFlagDebug) != 0; }
};

// Takes the next 384 bytes of `reader`. Reserved fields are ignored: they are signed, and later
// processors may use them.
Result<SgxReportBody> ReadSgxReportBody(Reader& reader);
// The 384 bytes again, reserved fields zero.
Bytes EncodeSgxReportBody(const SgxReportBody& body);

}  // namespace strongroom::attest
