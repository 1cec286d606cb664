#pragma once

#include <string>
#include <string_view>

#include "coordinator/core/ports.h"
#include "coordinator/core/secrets.h"

// How the core's values look as records of the store: parts with 32-bit little-endian lengths.
namespace strongroom::coordinator {

inline constexpr std::string_view kManifestName = "manifest";
inline constexpr std::string_view kSignatureName = "manifest-signature";
inline constexpr std::string_view kHierarchyName = "hierarchy";
inline constexpr std::string_view kRootSecretName = "root-secret";
inline constexpr std::string_view kFloorsName = "collateral-floors";
inline constexpr std::string_view kSecretPrefix = "secret/";

SecretBytes EncodeHierarchy(const Hierarchy& hierarchy);
Result<Hierarchy> DecodeHierarchy(ByteView bytes);

Record EncodeSecret(std::string_view name, const manifest::SecretValue& value);
Result<manifest::SecretValue> DecodeSecret(const manifest::Secret& definition, ByteView bytes);

// The value of exactly this record. kUntrusted when it is missing: state without it was not written
// by this program.
Result<SecretBytes> ReadOne(Store& store, std::string_view name);

}  // namespace strongroom::coordinator
