// The world that a simulator keeps in a file. The first byte: 0, the rest is the file; 1, 2, 3, the
// rest is the format's name, the root's key or its certificate (DER) in a file that ends after it.
// A world is whole or refused, and nobody guesses its keys: nothing is ever taken.

#include <cstdlib>
#include <string>

#include "base/encoding.h"
#include "base/json.h"
#include "sim/world.h"

namespace strongroom::sim {
namespace {

constexpr UnixSeconds kNow{1'795'000'000};

// A key that every parser takes, so that what comes after it is looked at.
const std::string& GoodKey() {
  static const std::string key = [] {
    SystemEntropy entropy;
    const SecretBytes text = World::Create(entropy, kNow).value().Serialize().value();
    const auto world = JsonDocument::Parse(AsText(text.Reveal())).value();
    return std::string(world.root().Find("root")->GetString("key").value());
  }();
  return key;
}

std::string FileWith(unsigned part, ByteView value) {
  JsonWriter json;
  json.Object().Key("format");
  json.String(part == 1 ? AsText(value) : "strongroom-simulated-world/1");
  json.Key("root").Object();
  json.Key("key").String(part == 2 ? Base64Encode(value) : GoodKey());
  if (part == 3) json.Key("certificate").String(Base64Encode(value));
  return std::move(json.End().End()).Finish();
}

}  // namespace
}  // namespace strongroom::sim

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  const unsigned part = data[0] % 4U;
  const std::string file = part == 0 ? std::string(AsText(rest)) : sim::FileWith(part, rest);
  if (sim::World::Parse(AsBytes(file)).has_value()) std::abort();
  return 0;
}
