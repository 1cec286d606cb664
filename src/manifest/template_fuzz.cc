#include "base/bytes.h"
#include "manifest/template.h"

namespace strongroom::manifest {
namespace {

// A small world in which most of the language has something to act on.
struct World {
  World() {
    const auto value = [](SecretType type, std::string_view text) {
      const Secret definition{.type = type, .size = 128, .shared = true};
      return SecretValue{definition, ToBytes(text), SecretBytes(AsBytes(text)),
                         SecretBytes(AsBytes(text))};
    };
    secrets.emplace("key", value(SecretType::kSymmetricKey, "0123456789abcdef"));
    secrets.emplace("cert", value(SecretType::kCertEcdsa, "DER"));
    secrets.emplace("plain", value(SecretType::kPlain, "text"));
    for (const auto& [name, secret] : secrets) data.secrets.emplace(name, &secret);
    data.root_ca = data.marble_cert = &secrets.at("cert");
  }

  ByName<SecretValue> secrets;
  TemplateData data;
};

}  // namespace
}  // namespace strongroom::manifest

// Any bytes: parsing ends, and what parses runs to an end within its bounds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strongroom::manifest;
  static const World world;
  if (size == 0) return 0;
  const auto target = static_cast<TemplateTarget>(data[0] % 3);
  const auto text = strongroom::AsText(strongroom::ByteView(data + 1, size - 1));
  const auto parsed = Template::Parse(text, target);
  if (parsed.has_value()) static_cast<void>(parsed->Execute(world.data));
  return 0;
}
