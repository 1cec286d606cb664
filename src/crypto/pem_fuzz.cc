// Blocks that are read are written and read back the same; keys in PEM never crash, and what is a
// key stays one.

#include <cstdlib>

#include "crypto/key.h"
#include "crypto/pem.h"

namespace strongroom::crypto {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Check(std::string_view text) {
  const auto blocks = DecodePem(text, 4);
  if (blocks) {
    Require(!blocks->empty() && blocks->size() <= 4);
    std::string written;
    for (const PemBlock& block : *blocks) written += EncodePem(block.label, block.content);
    const auto again = DecodePem(written, 4);
    Require(again.has_value() && again->size() == blocks->size());
    for (std::size_t i = 0; i < blocks->size(); ++i) {
      Require((*again)[i].label == (*blocks)[i].label);
      Require((*again)[i].content == (*blocks)[i].content);
    }
  }
  if (const auto key = PrivateKey::FromPem(text)) {
    Require(PrivateKey::FromPkcs8Der(key->Pkcs8Der().Reveal())->public_key() == key->public_key());
  }
  if (const auto key = PublicKey::FromPem(text)) {
    Require(PublicKey::FromSpkiDer(key->SpkiDer()).value() == *key);
  }
}

}  // namespace
}  // namespace strongroom::crypto

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  strongroom::crypto::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
