#include "attest/dcap/pck_extension.h"

#include <algorithm>
#include <bitset>
#include <functional>

#include <fmt/format.h>

#include "crypto/der.h"

namespace strongroom::attest::dcap {
namespace {

using crypto::DerReader;
namespace der = crypto::der;

// 1.2.840.113741.1.13.1 in DER; all its children have single-byte arcs.
constexpr std::array<std::uint8_t, 9> kBase = {0x2a, 0x86, 0x48, 0x86, 0xf8,
                                               0x4d, 0x01, 0x0d, 0x01};

using ReadElement = std::function<Status(std::uint8_t arc, DerReader& value)>;

// SEQUENCE OF SEQUENCE { prefix.arc, value }, every arc from 1 to `max_arc` at most once; hands
// each to `read`. Returns which arcs were there.
Result<std::bitset<32>> ReadPairs(DerReader sequence, ByteView prefix, std::uint8_t max_arc,
                                  const ReadElement& read) {
  std::bitset<32> seen;
  while (!sequence.empty()) {
    ASSIGN_OR_RETURN(DerReader pair, sequence.Sequence());
    ASSIGN_OR_RETURN(const ByteView oid, pair.Expect(der::kOid));
    if (oid.size() != prefix.size() + 1 || !Equal(oid.first(prefix.size()), prefix) ||
        oid.back() < 1 || oid.back() > max_arc) {
      return Malformed("SGX extension has an unknown element");
    }
    const std::uint8_t arc = oid.back();
    if (seen.test(arc)) return Malformed(fmt::format("SGX extension has element {} twice", arc));
    seen.set(arc);
    if (const Status status = read(arc, pair); !status.has_value()) {
      const bool top = prefix.size() == kBase.size();
      return std::unexpected(status.error().In(
          fmt::format("{} {}", top ? "SGX extension element" : "its element", arc)));
    }
    RETURN_IF_ERROR(pair.ExpectEnd());
  }
  return seen;
}

Status ExpectAll(const std::bitset<32>& seen, std::uint8_t first, std::uint8_t last) {
  for (std::uint8_t arc = first; arc <= last; ++arc) {
    if (!seen.test(arc)) return Malformed(fmt::format("SGX extension lacks element {}", arc));
  }
  return {};
}

template <class Fixed>
Status ReadOctets(DerReader& value, Fixed& out) {
  ASSIGN_OR_RETURN(const ByteView octets, value.OctetString());
  ASSIGN_OR_RETURN(out, Fixed::From(octets));
  return {};
}

// A security version: beyond its range it would be cut short somewhere.
Result<std::uint64_t> ReadUnsigned(DerReader& value, std::uint64_t max) {
  ASSIGN_OR_RETURN(const std::uint64_t number, value.Unsigned());
  if (number > max) return Malformed(fmt::format("number {}, wanted at most {}", number, max));
  return number;
}

Bytes Child(std::uint8_t arc) {
  Bytes prefix(kBase.begin(), kBase.end());
  prefix.push_back(arc);
  return prefix;
}

Status ReadTcb(DerReader& value, PlatformIdentity& out) {
  ASSIGN_OR_RETURN(const DerReader pairs, value.Sequence());
  const auto read = [&out](std::uint8_t arc, DerReader& element) -> Status {
    if (arc <= 16) {
      ASSIGN_OR_RETURN(const std::uint64_t svn, ReadUnsigned(element, 255));
      out.tcb_components[arc - 1U] = static_cast<std::uint8_t>(svn);
      return {};
    }
    if (arc == 17) {
      ASSIGN_OR_RETURN(const std::uint64_t svn, ReadUnsigned(element, 65535));
      out.pce_svn = static_cast<std::uint16_t>(svn);
      return {};
    }
    return ReadOctets(element, out.cpu_svn);
  };
  ASSIGN_OR_RETURN(const auto seen, ReadPairs(pairs, Child(2), 18, read));
  return ExpectAll(seen, 1, 18);
}

Status ReadConfiguration(DerReader& value, PlatformIdentity& out) {
  ASSIGN_OR_RETURN(const DerReader pairs, value.Sequence());
  const auto read = [&out](std::uint8_t arc, DerReader& element) -> Status {
    ASSIGN_OR_RETURN(const bool flag, element.Boolean());
    if (arc == 1) out.dynamic_platform = flag;
    if (arc == 2) out.cached_keys = flag;
    if (arc == 3) out.smt_enabled = flag;
    return {};
  };
  ASSIGN_OR_RETURN([[maybe_unused]] const auto seen, ReadPairs(pairs, Child(7), 3, read));
  return {};
}

Status ReadTopElement(std::uint8_t arc, DerReader& value, PlatformIdentity& out) {
  switch (arc) {
    case 1: return ReadOctets(value, out.ppid);
    case 2: return ReadTcb(value, out);
    case 3: return ReadOctets(value, out.pce_id);
    case 4: return ReadOctets(value, out.fmspc);
    case 5: {
      ASSIGN_OR_RETURN(const std::uint64_t type, value.Enumerated());
      if (type > 2) return Malformed(fmt::format("SGX type {}, wanted 0 to 2", type));
      out.sgx_type = static_cast<SgxType>(type);
      return {};
    }
    case 6: {
      PlatformInstanceId id;
      RETURN_IF_ERROR(ReadOctets(value, id));
      out.instance_id = id;
      return {};
    }
    default: return ReadConfiguration(value, out);
  }
}

}  // namespace

Result<PlatformIdentity> ParsePckExtension(ByteView value) {
  PlatformIdentity out;
  DerReader reader(value);
  ASSIGN_OR_RETURN(const DerReader pairs, reader.Sequence());
  RETURN_IF_ERROR(reader.ExpectEnd());
  const auto read = [&out](std::uint8_t arc, DerReader& element) {
    return ReadTopElement(arc, element, out);
  };
  ASSIGN_OR_RETURN(const auto seen, ReadPairs(pairs, kBase, 7, read));
  RETURN_IF_ERROR(ExpectAll(seen, 1, 5));
  if (seen.test(6) != seen.test(7)) {
    return Malformed(
        "SGX extension has one of platform instance id and configuration, wanted both or none");
  }
  return out;
}

SgxTcb TcbOf(const PlatformIdentity& platform) {
  return {platform.tcb_components, platform.pce_svn};
}

}  // namespace strongroom::attest::dcap
