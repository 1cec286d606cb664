#include "manifest/gotemplate/functions.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/pem.h"
#include "manifest/gotemplate/format.h"

namespace strongroom::manifest::gotemplate {
namespace {

constexpr std::size_t kMany = 64;

constexpr std::array kCommonFunctions = std::to_array<FunctionSpec>({{"and", 1, kMany},
                                                                     {"or", 1, kMany},
                                                                     {"not", 1, 1},
                                                                     {"eq", 2, kMany},
                                                                     {"ne", 2, 2},
                                                                     {"lt", 2, 2},
                                                                     {"le", 2, 2},
                                                                     {"gt", 2, 2},
                                                                     {"ge", 2, 2},
                                                                     {"len", 1, 1},
                                                                     {"index", 2, 2},
                                                                     {"print", 0, kMany},
                                                                     {"println", 0, kMany},
                                                                     {"printf", 1, kMany},
                                                                     {"pem", 1, 1},
                                                                     {"hex", 1, 1},
                                                                     {"base64", 1, 1}});

constexpr auto CommonAnd(FunctionSpec own) {
  std::array<FunctionSpec, kCommonFunctions.size() + 1> out{};
  std::ranges::copy(kCommonFunctions, out.begin());
  out.back() = own;
  return out;
}

constexpr auto kFileFunctions = CommonAnd({"raw", 1, 1});
constexpr auto kEnvFunctions = CommonAnd({"string", 1, 1});

std::string_view PartName(PartKind kind) {
  switch (kind) {
    case PartKind::kCertificate: return "Cert";
    case PartKind::kPublic: return "Public";
    case PartKind::kPrivate: return "Private";
  }
  return "";
}

// The part that a function is applied to: the argument, or the public part of a whole secret.
Result<Part> PartArgument(const Value& argument, TemplateTarget target) {
  Part part;
  if (const Part* given = std::get_if<Part>(&argument)) part = *given;
  else if (const SecretRef* secret = std::get_if<SecretRef>(&argument)) part.secret = *secret;
  else
    return Malformed(fmt::format("wanted a secret or a part of one, found {}", KindOf(argument)));
  const bool private_key =
      part.kind == PartKind::kPrivate && IsCertificate(part.secret.value->definition.type);
  if (private_key && target == TemplateTarget::kEnv) {
    return Denied(fmt::format(
        "the private key of {} may not go into the environment of a marble that is not declared "
        "\"Activation\": \"marblerun\"; declare that, or use a file",
        part.secret.name));
  }
  if (part.Bytes().empty()) {
    return Precondition(fmt::format("secret {} has no value in {}; wanted one to be set",
                                    part.secret.name, PartName(part.kind)));
  }
  return part;
}

Result<Value> Pem(const Value& argument, TemplateTarget target) {
  if (!std::holds_alternative<Part>(argument)) {
    return Malformed(
        fmt::format("pem wants Cert, Public or Private of a secret, found {}", KindOf(argument)));
  }
  ASSIGN_OR_RETURN(const Part part, PartArgument(argument, target));
  constexpr std::array<std::string_view, 3> labels = {"CERTIFICATE", "PUBLIC KEY", "PRIVATE KEY"};
  return Value(crypto::EncodeSecretPem(labels[static_cast<std::size_t>(part.kind)], part.Bytes()));
}

Result<Value> Text(const Value& argument) {
  const SecretRef* secret = std::get_if<SecretRef>(&argument);
  if (secret == nullptr || secret->value->definition.type != SecretType::kPlain) {
    return Malformed(fmt::format(
        "string wants a whole secret of type plain, found {}",
        secret == nullptr ? KindOf(argument) : SecretTypeName(secret->value->definition.type)));
  }
  ASSIGN_OR_RETURN(const Part part, PartArgument(argument, TemplateTarget::kEnv));
  if (std::ranges::find(part.Bytes(), 0) != part.Bytes().end()) {
    return Malformed(
        fmt::format("secret {} has a zero byte, which no environment can hold", secret->name));
  }
  return Value(SecretBytes(part.Bytes()));
}

// -1, 0, 1 for two texts or two numbers; equality only for booleans.
Result<int> Compare(const Value& a, const Value& b) {
  const auto incomparable = [&] {
    return Malformed(fmt::format("{} and {} cannot be compared", KindOf(a), KindOf(b)));
  };
  if (a.index() != b.index()) return incomparable();
  if (const SecretBytes* text = std::get_if<SecretBytes>(&a)) {
    const int order = AsText(text->Reveal()).compare(AsText(std::get<SecretBytes>(b).Reveal()));
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (const std::int64_t* n = std::get_if<std::int64_t>(&a)) {
    const std::int64_t m = std::get<std::int64_t>(b);
    return *n < m ? -1 : *n > m ? 1 : 0;
  }
  if (const bool* first = std::get_if<bool>(&a)) return *first == std::get<bool>(b) ? 0 : 1;
  return incomparable();
}

Result<Value> EqualToAny(std::span<const Value> arguments) {
  for (const Value& other : arguments.subspan(1)) {
    ASSIGN_OR_RETURN(const int order, Compare(arguments[0], other));
    if (order == 0) return Value(true);
  }
  return Value(false);
}

Result<Value> Ordered(std::string_view name, const Value& a, const Value& b) {
  ASSIGN_OR_RETURN(const int order, Compare(a, b));
  if (name == "ne") return Value(order != 0);
  if (std::holds_alternative<bool>(a)) return Malformed("booleans have no order");
  if (name == "lt") return Value(order < 0);
  if (name == "le") return Value(order <= 0);
  if (name == "gt") return Value(order > 0);
  return Value(order >= 0);
}

Result<Value> Length(const Value& value) {
  std::size_t length = 0;
  if (const SecretBytes* text = std::get_if<SecretBytes>(&value)) length = text->size();
  else if (const SecretMap* map = std::get_if<SecretMap>(&value)) length = (*map)->size();
  else if (const Part* part = std::get_if<Part>(&value);
           part != nullptr && part->kind != PartKind::kCertificate)
    length = part->Bytes().size();
  else return Malformed(fmt::format("len wants a text, a map or a key, found {}", KindOf(value)));
  return Value(static_cast<std::int64_t>(length));
}

Result<Value> Index(const Value& of, const Value& key) {
  const SecretMap* map = std::get_if<SecretMap>(&of);
  const SecretBytes* name = std::get_if<SecretBytes>(&key);
  if (map == nullptr || name == nullptr) {
    return Malformed(fmt::format("index wants a map of secrets and a name, found {} and {}",
                                 KindOf(of), KindOf(key)));
  }
  return SecretOf(*map, AsText(name->Reveal()));
}

SecretBytes Join(std::span<const SecretBytes> parts) {
  std::size_t size = 0;
  for (const SecretBytes& part : parts) size += part.size();
  SecretBytes out(size);
  auto at = out.RevealWritable().begin();
  for (const SecretBytes& part : parts) at = std::ranges::copy(part.Reveal(), at).out;
  return out;
}

// print puts spaces between neighbours of which neither is a text; println between all, and a line
// end.
Result<Value> Print(std::span<const Value> arguments, bool line) {
  std::vector<SecretBytes> parts;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool texts = i > 0 && (std::holds_alternative<SecretBytes>(arguments[i]) ||
                                 std::holds_alternative<SecretBytes>(arguments[i - 1]));
    if (i > 0 && (line || !texts)) parts.emplace_back(AsBytes(" "));
    ASSIGN_OR_RETURN(SecretBytes text, PrintedText(arguments[i]));
    parts.push_back(std::move(text));
  }
  if (line) parts.emplace_back(AsBytes("\n"));
  return Value(Join(parts));
}

Result<SecretBytes> FormatNumber(const FormatPiece& piece, std::int64_t n) {
  std::string out;
  if (piece.verb == 'x') out = fmt::format("{:x}", n);
  else if (piece.verb == 'X') out = fmt::format("{:X}", n);
  else if (piece.left) out = fmt::format("{:<{}}", n, piece.width);
  else if (piece.zero) out = fmt::format("{:0{}}", n, piece.width);
  else out = fmt::format("{:{}}", n, piece.width);
  return SecretBytes(AsBytes(out));
}

Result<SecretBytes> FormatOne(const FormatPiece& piece, const Value& value) {
  const std::string_view number_verbs = "vdxX", text_verbs = "vsxX", bool_verbs = "vt";
  const auto fits = [&piece](std::string_view verbs) { return verbs.contains(piece.verb); };
  if (const std::int64_t* n = std::get_if<std::int64_t>(&value); n != nullptr && fits(number_verbs))
    return FormatNumber(piece, *n);
  if (std::holds_alternative<bool>(value) && fits(bool_verbs)) return PrintedText(value);
  const SecretBytes* text = std::get_if<SecretBytes>(&value);
  if (text == nullptr || !fits(text_verbs))
    return Malformed(fmt::format("printf of {} with %{}", KindOf(value), piece.verb));
  if (piece.verb == 'v' || piece.verb == 's') return text->Clone();
  std::string hex = HexEncode(text->Reveal());
  if (piece.verb == 'X')
    std::ranges::transform(hex, hex.begin(),
                           [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  return AdoptText(std::move(hex));
}

Result<Value> Printf(std::span<const Value> arguments) {
  const SecretBytes* format = std::get_if<SecretBytes>(&arguments[0]);
  if (format == nullptr)
    return Malformed(fmt::format("printf wants a format, found {}", KindOf(arguments[0])));
  ASSIGN_OR_RETURN(const Format pieces, ParseFormat(AsText(format->Reveal())));
  std::vector<SecretBytes> parts;
  std::size_t next = 1;
  for (const FormatPiece& piece : pieces) {
    if (piece.verb == 0) {
      parts.emplace_back(AsBytes(piece.text));
      continue;
    }
    if (next >= arguments.size()) return Malformed("printf has more verbs than values");
    ASSIGN_OR_RETURN(SecretBytes text, FormatOne(piece, arguments[next++]));
    parts.push_back(std::move(text));
  }
  if (next != arguments.size()) return Malformed("printf has more values than verbs");
  return Value(Join(parts));
}

Result<Value> Encoded(std::string_view name, const Value& argument, TemplateTarget target) {
  ASSIGN_OR_RETURN(const Part part, PartArgument(argument, target));
  if (name == "raw") return Value(SecretBytes(part.Bytes()));
  return Value(AdoptText(name == "hex" ? HexEncode(part.Bytes()) : Base64Encode(part.Bytes())));
}

}  // namespace

std::span<const FunctionSpec> FunctionsFor(TemplateTarget target) {
  if (target == TemplateTarget::kFile) return kFileFunctions;
  return kEnvFunctions;
}

Result<Value> CallFunction(std::string_view name, std::span<const Value> arguments,
                           TemplateTarget target) {
  if (name == "pem") return Pem(arguments[0], target);
  if (name == "hex" || name == "base64" || name == "raw")
    return Encoded(name, arguments[0], target);
  if (name == "string") return Text(arguments[0]);
  if (name == "not") return Value(!Truth(arguments[0]));
  if (name == "eq") return EqualToAny(arguments);
  if (name == "len") return Length(arguments[0]);
  if (name == "index") return Index(arguments[0], arguments[1]);
  if (name == "print" || name == "println") return Print(arguments, name == "println");
  if (name == "printf") return Printf(arguments);
  return Ordered(name, arguments[0], arguments[1]);
}

}  // namespace strongroom::manifest::gotemplate
