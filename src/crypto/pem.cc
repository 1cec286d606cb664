#include "crypto/pem.h"

#include <optional>

#include <fmt/format.h>

#include "base/encoding.h"

namespace strongroom::crypto {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::size_t kLineLength = 64;

std::string_view WithoutBlanks(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
    line.remove_suffix(1);
  }
  return line;
}

// The lines of a text one by one; the last may lack its line feed.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> Next() {
    if (rest_.empty()) return std::nullopt;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return WithoutBlanks(line);
  }
  std::size_t remaining() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

// The label of a line "-----BEGIN label-----".
std::optional<std::string_view> LabelOf(std::string_view line, std::string_view begin) {
  if (!line.starts_with(begin) || !line.ends_with(kDashes)) return std::nullopt;
  if (line.size() < begin.size() + kDashes.size()) return std::nullopt;
  const std::string_view label =
      line.substr(begin.size(), line.size() - begin.size() - kDashes.size());
  for (const char c : label) {
    const bool known = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ';
    if (!known) return std::nullopt;
  }
  return label;
}

// The lines up to the end line of `label`, decoded. May hold a private key: wiped if it is not
// returned.
Result<Bytes> ReadContent(Lines& lines, std::string_view label) {
  std::string text;
  text.reserve(lines.remaining());  // a reallocation would leave an unwiped copy
  while (const auto line = lines.Next()) {
    if (line->starts_with(kDashes)) {
      if (LabelOf(*line, kEnd) != label) {
        return Malformed(fmt::format("PEM block of {} is not closed", label));
      }
      Result<Bytes> content = Base64Decode(text);
      Wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
      return In("PEM block", std::move(content));
    }
    text.append(*line);
  }
  return Malformed(fmt::format("PEM block of {} has no end", label));
}

}  // namespace

Result<std::vector<PemBlock>> DecodePem(std::string_view text, std::size_t max_blocks) {
  if (text.ends_with('\0')) text.remove_suffix(1);
  std::vector<PemBlock> blocks;
  Lines lines(text);
  while (const auto line = lines.Next()) {
    const auto label = LabelOf(*line, kBegin);
    if (!label) {
      if (!line->contains(kDashes)) continue;
      return Malformed("PEM line with dashes that begins no block");
    }
    if (blocks.size() == max_blocks) {
      return Exhausted(fmt::format("more than {} PEM blocks", max_blocks));
    }
    ASSIGN_OR_RETURN(Bytes content, ReadContent(lines, *label));
    blocks.push_back({.label = std::string(*label), .content = std::move(content)});
  }
  if (blocks.empty()) return Malformed("no PEM block, wanted one at least");
  return blocks;
}

Result<Bytes> DecodeOnePem(std::string_view text, std::string_view label) {
  ASSIGN_OR_RETURN(std::vector<PemBlock> blocks, DecodePem(text, 1));
  if (blocks.front().label != label) {
    return Malformed(fmt::format("PEM block of {}, wanted {}", blocks.front().label, label));
  }
  return std::move(blocks.front().content);
}

std::string EncodePem(std::string_view label, ByteView content) {
  std::string base64 = Base64Encode(content);
  std::string out;
  // Reserved whole, so that no copy of a secret is left behind by a reallocation.
  out.reserve(base64.size() + base64.size() / kLineLength + 2 * label.size() + 40);
  out.append(kBegin).append(label).append(kDashes).append("\n");
  for (std::size_t i = 0; i < base64.size(); i += kLineLength) {
    out.append(base64, i, kLineLength).append("\n");
  }
  out.append(kEnd).append(label).append(kDashes).append("\n");
  Wipe({reinterpret_cast<std::uint8_t*>(base64.data()), base64.size()});
  return out;
}

SecretBytes EncodeSecretPem(std::string_view label, ByteView content) {
  std::string text = EncodePem(label, content);
  SecretBytes out(AsBytes(text));
  Wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return out;
}

}  // namespace strongroom::crypto
