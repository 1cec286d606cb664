#include "coordinator/core/records.h"

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

#include "base/reader.h"

namespace strongroom::coordinator {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kMaxPartBytes = 16 * 1024 * 1024;

// Allocated once, so that no copy of a part stays behind.
SecretBytes EncodeParts(std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (const ByteView part : parts) size += kLengthBytes + part.size();
  SecretBytes out(size);
  std::span<std::uint8_t> rest = out.RevealWritable();
  for (const ByteView part : parts) {
    Writer length;
    length.U32Le(static_cast<std::uint32_t>(part.size()));
    std::ranges::copy(length.bytes(), rest.begin());
    std::ranges::copy(part, rest.subspan(kLengthBytes).begin());
    rest = rest.subspan(kLengthBytes + part.size());
  }
  return out;
}

Result<crypto::PrivateKey> TakeKey(Reader& reader) {
  ASSIGN_OR_RETURN(const ByteView der, reader.Prefixed32Le(kMaxPartBytes));
  return crypto::PrivateKey::FromPkcs8Der(der);
}

Result<crypto::Certificate> TakeCertificate(Reader& reader) {
  ASSIGN_OR_RETURN(const ByteView der, reader.Prefixed32Le(kMaxPartBytes));
  return crypto::Certificate::FromDer(der);
}

}  // namespace

SecretBytes EncodeHierarchy(const Hierarchy& hierarchy) {
  const SecretBytes root_key = hierarchy.root_key.Pkcs8Der();
  const SecretBytes mesh_key = hierarchy.mesh_key.Pkcs8Der();
  return EncodeParts({root_key.Reveal(), hierarchy.root.der(), mesh_key.Reveal(),
                      hierarchy.intermediate.der(), hierarchy.marble_root.der()});
}

Result<Hierarchy> DecodeHierarchy(ByteView bytes) {
  Reader reader(bytes, "stored authorities");
  ASSIGN_OR_RETURN(const crypto::PrivateKey root_key, TakeKey(reader));
  ASSIGN_OR_RETURN(const crypto::Certificate root, TakeCertificate(reader));
  ASSIGN_OR_RETURN(const crypto::PrivateKey mesh_key, TakeKey(reader));
  ASSIGN_OR_RETURN(const crypto::Certificate intermediate, TakeCertificate(reader));
  ASSIGN_OR_RETURN(const crypto::Certificate marble_root, TakeCertificate(reader));
  RETURN_IF_ERROR(reader.ExpectEnd());
  return Hierarchy{root_key, root, mesh_key, intermediate, marble_root};
}

Record EncodeSecret(std::string_view name, const manifest::SecretValue& value) {
  return {
      std::string(kSecretPrefix) + std::string(name),
      EncodeParts({value.certificate, value.public_part.Reveal(), value.private_part.Reveal()})};
}

Result<manifest::SecretValue> DecodeSecret(const manifest::Secret& definition, ByteView bytes) {
  Reader reader(bytes, "stored secret");
  ASSIGN_OR_RETURN(const ByteView certificate, reader.Prefixed32Le(kMaxPartBytes));
  ASSIGN_OR_RETURN(const ByteView public_part, reader.Prefixed32Le(kMaxPartBytes));
  ASSIGN_OR_RETURN(const ByteView private_part, reader.Prefixed32Le(kMaxPartBytes));
  RETURN_IF_ERROR(reader.ExpectEnd());
  return manifest::SecretValue{.definition = definition,
                               .certificate = ToBytes(certificate),
                               .public_part = SecretBytes(public_part),
                               .private_part = SecretBytes(private_part)};
}

Result<SecretBytes> ReadOne(Store& store, std::string_view name) {
  ASSIGN_OR_RETURN(std::vector<Record> records, store.Read(name, name, 1));
  if (records.size() != 1 || records.front().name != name)
    return Untrusted(fmt::format("the stored state has no record \"{}\"", name));
  return std::move(records.front().value);
}

}  // namespace strongroom::coordinator
