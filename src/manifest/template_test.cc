#include "manifest/template.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::manifest {
namespace {

using strongroom::testing::Fails;
using ::testing::AnyOf;

SecretBytes Secretly(std::string_view text) { return SecretBytes(AsBytes(text)); }

// A certificate "cert", a key "key" of the bytes "abc", a text "plain", "nul" with a zero byte, an
// unset "unset".
class World {
 public:
  World() {
    Add("cert", {.type = SecretType::kCertEcdsa, .size = 256}, "CERT", "PUB", "PRIV");
    Add("key", {.type = SecretType::kSymmetricKey, .size = 24, .shared = true}, "", "abc", "abc");
    Add("plain", {.type = SecretType::kPlain, .user_defined = true}, "", "hello", "hello");
    Add("nul", {.type = SecretType::kPlain, .user_defined = true}, "", std::string_view("a\0b", 3),
        std::string_view("a\0b", 3));
    Add("unset", {.type = SecretType::kPlain, .user_defined = true}, "", "", "");
    for (const auto& [name, value] : secrets_) data_.secrets.emplace(name, &value);
    data_.previous_secrets.emplace("key", &secrets_.at("plain"));
    data_.root_ca = data_.coordinator_root = data_.coordinator_intermediate = data_.marble_cert =
        &secrets_.at("cert");
  }

  const TemplateData& data() const { return data_; }

 private:
  void Add(const char* name, Secret definition, std::string_view cert, std::string_view pub,
           std::string_view priv) {
    secrets_.emplace(
        name, SecretValue{std::move(definition), ToBytes(cert), Secretly(pub), Secretly(priv)});
  }
  ByName<SecretValue> secrets_;
  TemplateData data_;
};

Result<std::string> RunTemplate(std::string_view text,
                                TemplateTarget target = TemplateTarget::kFile) {
  const World world;
  ASSIGN_OR_RETURN(const Template parsed, Template::Parse(text, target));
  ASSIGN_OR_RETURN(const SecretBytes out, parsed.Execute(world.data()));
  return ToText(out.Reveal());
}

struct GoodRow {
  const char* name;
  const char* text;
  std::string_view output;
  TemplateTarget target = TemplateTarget::kFile;
};

class GoodTemplate : public ::testing::TestWithParam<GoodRow> {};

TEST_P(GoodTemplate, GivesWhatGoGives) {
  const Result<std::string> output = RunTemplate(GetParam().text, GetParam().target);
  ASSERT_OK(output);
  EXPECT_EQ(*output, GetParam().output);
}

constexpr auto kEnv = TemplateTarget::kEnv;

constexpr GoodRow kGoodRows[] = {
    {"PlainText", "no action } at { all", "no action } at { all"},
    {"Empty", "", ""},
    {"HexOfWholeSecret", "{{hex .Secrets.key}}", "616263"},
    {"HexOfPrivate", "{{ hex .Secrets.key.Private }}", "616263"},
    {"Base64", "{{ base64 .Secrets.key }}", "YWJj"},
    {"Raw", "{{ raw .Secrets.nul }}", std::string_view("a\0b", 3)},
    {"String", "{{ string .Secrets.plain }}", "hello", kEnv},
    {"PemOfCertificate", "{{ pem .Secrets.cert.Cert }}",
     "-----BEGIN CERTIFICATE-----\nQ0VSVA==\n-----END CERTIFICATE-----\n"},
    {"PemOfPublicKey", "{{ pem .Secrets.cert.Public }}",
     "-----BEGIN PUBLIC KEY-----\nUFVC\n-----END PUBLIC KEY-----\n"},
    {"PemOfPrivateKey", "{{ pem .Secrets.cert.Private }}",
     "-----BEGIN PRIVATE KEY-----\nUFJJVg==\n-----END PRIVATE KEY-----\n"},
    {"HexOfCertificateSecretIsItsPublicKey", "{{ hex .Secrets.cert }}", "505542"},
    {"HexOfCertificate", "{{ hex .Secrets.cert.Cert }}", "43455254"},
    {"PublicPartInEnv", "{{ hex .Secrets.cert.Public }}", "505542", kEnv},
    {"SymmetricPrivateInEnv", "{{ hex .Secrets.key.Private }}", "616263", kEnv},
    {"PrivateKeyInMarbleRunEnv", "{{ hex .Secrets.cert.Private }}", "50524956",
     TemplateTarget::kEnvWithPrivateKeys},
    {"PreviousSecret", "{{ hex .Previous.Secrets.key }}", "68656c6c6f"},
    {"MarbleRunRoots",
     "{{ hex .MarbleRun.RootCA.Cert }}{{ hex .MarbleRun.CoordinatorRoot.Cert }}"
     "{{ hex .MarbleRun.CoordinatorIntermediate.Cert }}{{ hex .MarbleRun.MarbleCert.Private }}",
     "43455254434552544345525450524956"},
    {"FieldsOfASecret",
     "{{.Secrets.key.Type}} {{.Secrets.key.Size}} {{.Secrets.key.Shared}} "
     "{{.Secrets.key.UserDefined}} {{.Secrets.key.ValidFor}}",
     "symmetric-key 24 true false 0"},
    {"Pipeline", "{{ .Secrets.key | hex | printf \"<%s>\" }}", "<616263>"},
    {"Parentheses", "{{ printf \"%s-%s\" (hex .Secrets.key) (base64 .Secrets.key) }}",
     "616263-YWJj"},
    {"FieldOfParentheses", "{{ hex (index .Secrets \"key\").Private }}", "616263"},
    {"IndexByName", "{{ index .Secrets \"cert\" | hex }}", "505542"},
    {"StringLiteral", "{{ \"a\\n\\x41\\u00e9\\\"\" }}", "a\nA\xc3\xa9\""},
    {"RawLiteral", "{{ `a\\n` }}", "a\\n"},
    {"LiteralBraces", "{{ \"{{\" }}x{{ \"}}\" }}", "{{x}}"},
    {"Comment", "a{{/* no\n\"matter */}}b", "ab"},
    {"TrimmedComment", "a {{- /* c */ -}} b", "ab"},
    {"TrimLeft", "a \n\t{{- \"x\" }} b", "ax b"},
    {"TrimRight", "a {{ \"x\" -}} \r\n b", "a xb"},
    {"TrimBothAcrossActions", "{{ 1 -}}  {{- 2 }}", "12"},
    {"MinusIsNoTrim", "a {{-3}} b", "a -3 b"},
    {"Numbers", "{{0x1F}} {{0b101}} {{0o17}} {{017}} {{1_000}} {{'a'}} {{'\\n'}} {{+5}}",
     "31 5 15 15 1000 97 10 5"},
    {"Booleans", "{{true}}{{false}}", "truefalse"},
    {"Variables", "{{ $x := hex .Secrets.key }}{{ $x }}{{ $x = \"y\" }}{{ $x }}", "616263y"},
    {"RootVariable", "{{ with 1 }}{{ hex $.Secrets.key }}{{ end }}", "616263"},
    {"IfElse", "{{ if .Secrets.key.Shared }}yes{{ else }}no{{ end }}", "yes"},
    {"ElseIf", "{{ if false }}a{{ else if eq 1 1 }}b{{ else }}c{{ end }}", "b"},
    {"ElseIfElse", "{{ if false }}a{{ else if false }}b{{ else }}c{{ end }}", "c"},
    {"IfOfEmptyText", "{{ if \"\" }}a{{ else }}b{{ end }}", "b"},
    {"IfOfEmptyKey", "{{ if .Secrets.unset.Private }}a{{ else }}b{{ end }}", "b"},
    {"IfOfSecretIsTrue", "{{ if .Secrets.unset }}a{{ else }}b{{ end }}", "a"},
    {"IfDeclares", "{{ if $x := 3 }}{{ $x }}{{ end }}", "3"},
    {"WithSetsDot", "{{ with .Secrets.key }}{{ hex . }}{{ .Size }}{{ end }}", "61626324"},
    {"WithElse", "{{ with \"\" }}a{{ else }}b{{ end }}", "b"},
    {"ElseWith", "{{ with 0 }}a{{ else with 5 }}{{ . }}{{ end }}", "5"},
    {"RangeIsSortedByName", "{{ range $n, $s := .Secrets }}{{ $n }}:{{ $s.Type }} {{ end }}",
     "cert:cert-ecdsa key:symmetric-key nul:plain plain:plain unset:plain "},
    {"RangeOneVariable", "{{ range $s := .Previous.Secrets }}{{ $s.Type }}{{ end }}", "plain"},
    {"RangeDot", "{{ range .Previous.Secrets }}{{ hex . }}{{ end }}", "68656c6c6f"},
    {"RangeOverNumber", "{{ range 3 }}{{ . }}{{ end }}{{ range 0 }}x{{ else }}none{{ end }}",
     "012none"},
    {"BreakAndContinue",
     "{{ range $i := 9 }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ if eq $i 4 }}{{ break }}{{ end "
     "}}{{ $i }}{{ end }}",
     "023"},
    {"AssignmentOutlivesRange", "{{ $x := 1 }}{{ range 3 }}{{ $x = . }}{{ end }}{{ $x }}", "2"},
    {"AndOrNot", "{{ and 1 \"\" 2 }}|{{ or 0 \"x\" 2 }}|{{ not 0 }}", "|x|true"},
    {"AndStopsEarly", "{{ and false (hex .Secrets.unset) }}", "false"},
    {"Comparisons",
     "{{eq 1 2 1}}{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge \"b\" \"a\"}}{{eq true true}}",
     "truetruetruetruefalsetruetrue"},
    {"Len", "{{ len \"abc\" }}{{ len .Secrets }}{{ len .Secrets.key.Private }}", "353"},
    {"PrintSpacing", "{{ print 1 2 \"a\" \"b\" 3 4 }}|{{ print }}|{{ println \"a\" 1 }}",
     "1 2ab3 4||a 1\n"},
    {"Printf",
     "{{ printf \"%d|%5d|%-5d|%05d|%x|%X|%t|%v|%s|%%\" 42 42 42 -42 255 255 true 7 \"s\" }}",
     "42|   42|42   |-0042|ff|FF|true|7|s|%"},
    {"PrintfHexOfText", "{{ printf \"%x%X\" \"\\xab\" \"\\xab\" }}", "abAB"},
    {"PipeIntoNot", "{{ true | not }}", "false"},
    {"NewlineInsideAction", "{{ hex\n .Secrets.key\n}}", "616263"},
};

INSTANTIATE_TEST_SUITE_P(Rows, GoodTemplate, ::testing::ValuesIn(kGoodRows),
                         [](const auto& row) { return std::string(row.param.name); });

struct BadRow {
  const char* name;
  const char* text;
  Code code;
  const char* message;
  TemplateTarget target = TemplateTarget::kFile;
};

// Refused when parsed, so when the manifest is set.
class UnparsableTemplate : public ::testing::TestWithParam<BadRow> {};

TEST_P(UnparsableTemplate, IsRefusedByName) {
  EXPECT_THAT(Template::Parse(GetParam().text, GetParam().target),
              Fails(GetParam().code, GetParam().message));
}

constexpr BadRow kUnparsable[] = {
    {"OpenAction", "a{{ hex ", Code::kMalformed, "without end"},
    {"EmptyAction", "{{ }}", Code::kMalformed, "missing value"},
    {"OpenComment", "{{/* a }}", Code::kMalformed, "comment without end"},
    {"CommentWithMore", "{{/* a */ 1}}", Code::kMalformed, "comment ends before"},
    {"OpenString", "{{ \"a }}", Code::kMalformed, "quoted text without end"},
    {"NewlineInString", "{{ \"a\n\" }}", Code::kMalformed, "quoted text without end"},
    {"OpenRawString", "{{ `a }}", Code::kMalformed, "quoted text without end"},
    {"UnknownEscape", "{{ \"\\q\" }}", Code::kMalformed, "unknown escape"},
    {"ShortHexEscape", "{{ \"\\x4\" }}", Code::kMalformed, "wants 2 digits"},
    {"SurrogateEscape", "{{ \"\\ud800\" }}", Code::kMalformed, "no code point"},
    {"EmptyCharacter", "{{ '' }}", Code::kMalformed, "empty character"},
    {"LongCharacter", "{{ 'ab' }}", Code::kMalformed, "more than one"},
    {"BadCharacter", "{{ # }}", Code::kMalformed, "bad character"},
    {"DashInName", "{{ hex .Secrets.my-key }}", Code::kMalformed, "bad character"},
    {"UnknownFunction", "{{ env \"HOME\" }}", Code::kMalformed, "function \"env\" is not defined"},
    {"RawInEnv", "{{ raw .Secrets.key }}", Code::kMalformed, "function \"raw\" is not defined",
     kEnv},
    {"StringInFile", "{{ string .Secrets.plain }}", Code::kMalformed,
     "function \"string\" is not defined"},
    {"UndefinedVariable", "{{ $x }}", Code::kMalformed, "undefined variable $x"},
    {"VariableOutOfScope", "{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", Code::kMalformed,
     "undefined variable"},
    {"VariableOfOtherBranch", "{{ if true }}{{ $x := 1 }}{{ else }}{{ $x }}{{ end }}",
     Code::kMalformed, "undefined variable"},
    {"AssignToUndeclared", "{{ $x = 1 }}", Code::kMalformed, "undefined variable"},
    {"OwnVariable", "{{ $x := $x }}", Code::kMalformed, "undefined variable"},
    {"TwoVariablesOutsideRange", "{{ $a, $b := 1 }}", Code::kMalformed, "too many"},
    {"EndWithoutBeginning", "a{{ end }}", Code::kMalformed, "without its beginning"},
    {"ElseWithoutBeginning", "a{{ else }}", Code::kMalformed, "without its beginning"},
    {"IfWithoutEnd", "{{ if true }}a", Code::kMalformed, "if without end"},
    {"ElseWithoutEnd", "{{ if true }}a{{ else }}b", Code::kMalformed, "if without end"},
    {"TwoElses", "{{ if true }}a{{ else }}b{{ else }}c{{ end }}", Code::kMalformed, "without end"},
    {"ElseRange", "{{ range 1 }}a{{ else range 2 }}b{{ end }}", Code::kMalformed, "takes nothing"},
    {"EndWithArgument", "{{ if true }}a{{ end 1 }}", Code::kMalformed, "takes nothing"},
    {"BreakOutsideRange", "{{ break }}", Code::kMalformed, "outside of a range"},
    {"OpenParenthesis", "{{ (hex .Secrets.key }}", Code::kMalformed, "missing )"},
    {"StrayParenthesis", "{{ hex .Secrets.key) }}", Code::kMalformed, "unexpected )"},
    {"NoSpaceBeforeArgument", "{{ hex(.Secrets.key) }}", Code::kMalformed,
     "space between operands"},
    {"EmptyPipe", "{{ .Secrets.key | }}", Code::kMalformed, "missing value"},
    {"ValueAfterPipe", "{{ 1 | 2 }}", Code::kMalformed, "goes on with a function"},
    {"ArgumentToValue", "{{ .Secrets 1 }}", Code::kMalformed, "no function"},
    {"FieldOfText", "{{ \"a\".B }}", Code::kMalformed, "unexpected . after a term"},
    {"TooFewArguments", "{{ hex }}", Code::kMalformed, "hex has 0 arguments, wanted at least 1"},
    {"TooManyArguments", "{{ hex .Secrets.key .Secrets.key }}", Code::kMalformed,
     "wanted at most 1"},
    {"TooManyByPipe", "{{ 1 | hex .Secrets.key }}", Code::kMalformed, "wanted at most 1"},
    {"BadNumber", "{{ 12ab }}", Code::kMalformed, "bad number"},
    {"HugeNumber", "{{ 99999999999999999999 }}", Code::kMalformed, "bad number"},
    {"OctalDigits", "{{ 09 }}", Code::kMalformed, "bad number"},
    {"Float", "{{ 1.5 }}", Code::kUnsupported, "floating-point"},
    {"Exponent", "{{ 1e3 }}", Code::kUnsupported, "floating-point"},
    {"Imaginary", "{{ 3i }}", Code::kUnsupported, "complex"},
    {"Define", "{{ define \"a\" }}b{{ end }}", Code::kUnsupported, "define is not available"},
    {"TemplateAction", "{{ template \"a\" }}", Code::kUnsupported, "template is not available"},
    {"Block", "{{ block \"a\" . }}b{{ end }}", Code::kUnsupported, "block is not available"},
    {"Nil", "{{ eq nil nil }}", Code::kUnsupported, "nil is not available"},
    {"Html", "{{ html \"a\" }}", Code::kUnsupported, "html is not available"},
    {"Slice", "{{ slice \"abc\" 1 2 }}", Code::kUnsupported, "slice is not available"},
    {"Call", "{{ call .Secrets }}", Code::kUnsupported, "call is not available"},
    {"PrintfVariableFormat", "{{ $f := \"%s\" }}{{ printf $f 1 }}", Code::kUnsupported,
     "constant format"},
    {"PrintfPipedFormat", "{{ \"%s\" | printf }}", Code::kUnsupported, "constant format"},
    {"PrintfQuote", "{{ printf \"%q\" \"a\" }}", Code::kUnsupported, "%q is not available"},
    {"PrintfFloat", "{{ printf \"%f\" 1 }}", Code::kUnsupported, "%f is not available"},
    {"PrintfStringWidth", "{{ printf \"%5s\" \"a\" }}", Code::kUnsupported, "width"},
    {"PrintfEndsInPercent", "{{ printf \"a%\" }}", Code::kMalformed, "ends in %"},
    {"PrintfHugeWidth", "{{ printf \"%99999d\" 1 }}", Code::kExhausted, "width"},
};

INSTANTIATE_TEST_SUITE_P(Rows, UnparsableTemplate, ::testing::ValuesIn(kUnparsable),
                         [](const auto& row) { return std::string(row.param.name); });

// Parses, and fails when carried out: the dry run finds it.
class FailingTemplate : public ::testing::TestWithParam<BadRow> {};

TEST_P(FailingTemplate, GivesNothing) {
  ASSERT_OK(Template::Parse(GetParam().text, GetParam().target));
  EXPECT_THAT(RunTemplate(GetParam().text, GetParam().target),
              Fails(GetParam().code, GetParam().message));
}

constexpr BadRow kFailing[] = {
    {"NoSuchSecret", "{{ hex .Secrets.nope }}", Code::kMalformed, "no secret \"nope\""},
    {"NoSuchIndex", "{{ hex (index .Secrets \"nope\") }}", Code::kMalformed, "no secret \"nope\""},
    {"SecretNamesAreCaseSensitive", "{{ hex .Secrets.KEY }}", Code::kMalformed,
     "no secret \"KEY\""},
    {"NoSuchRoot", "{{ .Secret }}", Code::kMalformed, "no field Secret"},
    {"NoSuchMarbleRun", "{{ .MarbleRun.Foo }}", Code::kMalformed, "no field Foo"},
    {"NoSuchPart", "{{ .Secrets.key.Secret }}", Code::kMalformed, "no field Secret"},
    {"FieldOfCertificate", "{{ .Secrets.cert.Cert.Subject }}", Code::kMalformed,
     "no field Subject"},
    {"FieldOfNumber", "{{ .Secrets.key.Size.Foo }}", Code::kMalformed, "no field Foo"},
    {"NoSuchPrevious", "{{ hex .Previous.Secrets.cert }}", Code::kMalformed, "no secret \"cert\""},
    {"UnsetSecret", "{{ hex .Secrets.unset }}", Code::kPrecondition, "no value"},
    {"CertificateOfKey", "{{ pem .Secrets.key.Cert }}", Code::kPrecondition, "no value in Cert"},
    {"PemOfWholeSecret", "{{ pem .Secrets.cert }}", Code::kMalformed, "found a secret"},
    {"PemOfText", "{{ pem \"a\" }}", Code::kMalformed, "found a text"},
    {"HexOfText", "{{ hex \"a\" }}", Code::kMalformed, "found a text"},
    {"HexOfMap", "{{ hex .Secrets }}", Code::kMalformed, "found a map"},
    {"HexTwice", "{{ .Secrets.key | hex | hex }}", Code::kMalformed, "found a text"},
    {"StringOfKey", "{{ string .Secrets.key }}", Code::kMalformed,
     "type plain, found symmetric-key", kEnv},
    {"StringOfPart", "{{ string .Secrets.plain.Private }}", Code::kMalformed, "part of a secret",
     kEnv},
    {"StringWithNul", "{{ string .Secrets.nul }}", Code::kMalformed, "zero byte", kEnv},
    {"LiteralNulInEnv", "{{ \"\\x00\" }}", Code::kMalformed, "zero byte", kEnv},
    {"PrivateKeyPemInEnv", "{{ pem .Secrets.cert.Private }}", Code::kDenied,
     "may not go into the environment", kEnv},
    {"PrivateKeyHexInEnv", "{{ hex .Secrets.cert.Private }}", Code::kDenied,
     "may not go into the environment", kEnv},
    {"MarbleKeyInEnv", "{{ base64 .MarbleRun.MarbleCert.Private }}", Code::kDenied,
     "may not go into", kEnv},
    {"BareSecret", "{{ .Secrets.key }}", Code::kMalformed, "cannot be printed"},
    {"BarePart", "{{ .Secrets.key.Private }}", Code::kMalformed, "cannot be printed"},
    {"BareRoot", "{{ . }}", Code::kMalformed, "cannot be printed"},
    {"PrintOfSecret", "{{ print .Secrets.key }}", Code::kMalformed, "cannot be printed"},
    {"PrintfOfPart", "{{ printf \"%s\" .Secrets.key.Private }}", Code::kMalformed,
     "printf of part of a secret"},
    {"PrintfWrongKind", "{{ printf \"%d\" \"a\" }}", Code::kMalformed, "printf of a text with %d"},
    {"PrintfTooFew", "{{ printf \"%d %d\" 1 }}", Code::kMalformed, "more verbs than values"},
    {"PrintfTooMany", "{{ printf \"%d\" 1 2 }}", Code::kMalformed, "more values than verbs"},
    {"IncomparableKinds", "{{ eq 1 \"1\" }}", Code::kMalformed, "cannot be compared"},
    {"OrderOfBooleans", "{{ lt true false }}", Code::kMalformed, "no order"},
    {"CompareSecrets", "{{ eq .Secrets.key .Secrets.key }}", Code::kMalformed,
     "cannot be compared"},
    {"LenOfNumber", "{{ len 3 }}", Code::kMalformed, "len wants"},
    {"IndexOfText", "{{ index \"abc\" 1 }}", Code::kMalformed, "index wants"},
    {"RangeOverText", "{{ range \"abc\" }}{{ end }}", Code::kMalformed, "range over a text"},
    {"RangeOverNumberWithTwo", "{{ range $i, $j := 3 }}{{ end }}", Code::kMalformed,
     "one variable"},
    {"FunctionWithoutArguments", "{{ print hex }}", Code::kMalformed, "hex has no arguments"},
    {"EndlessLoop", "{{ range 9999999999 }}{{ end }}", Code::kExhausted, "steps"},
    {"NestedLoops", "{{ range 99999 }}{{ range 99999 }}{{ end }}{{ end }}", Code::kExhausted,
     "steps"},
    {"HugeOutput",
     "{{ range 200000 }}0123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789{{ end }}",
     Code::kExhausted, "output"},
};

INSTANTIATE_TEST_SUITE_P(Rows, FailingTemplate, ::testing::ValuesIn(kFailing),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Template, NamesTheLine) {
  EXPECT_THAT(Template::Parse("a\nb\n{{ nope }}", TemplateTarget::kFile),
              Fails(Code::kMalformed, "line 3"));
  EXPECT_THAT(RunTemplate("a\nb\n{{ hex .Secrets.nope }}"), Fails(Code::kMalformed, "line 3"));
}

TEST(Template, RefusesDeepNesting) {
  std::string deep, parentheses = "{{ ";
  for (int i = 0; i < 1000; ++i) deep += "{{ if true }}";
  for (int i = 0; i < 1000; ++i) deep += "{{ end }}";
  EXPECT_THAT(Template::Parse(deep, TemplateTarget::kFile),
              Fails(Code::kMalformed, "nested deeper"));
  parentheses += std::string(10000, '(') + "1" + std::string(10000, ')') + " }}";
  EXPECT_THAT(Template::Parse(parentheses, TemplateTarget::kFile),
              Fails(Code::kMalformed, "nested deeper"));
  std::string chain = "{{ if false }}";
  for (int i = 0; i < 10000; ++i) chain += "{{ else if false }}";
  EXPECT_THAT(Template::Parse(chain + "{{ end }}", TemplateTarget::kFile),
              Fails(Code::kMalformed, "nested deeper"));
}

TEST(Template, SurvivesTruncationAndFlippedBytes) {
  constexpr std::string_view text =
      "{{- $x := index .Secrets \"key\" }}{{ range $n, $s := .Secrets }}{{ if and $s.Shared (eq $n "
      "\"key\") }}"
      "{{ printf \"%s=%05d\" (hex $x.Private) 0x1F }}{{ else }}{{/* c */}}{{ break }}{{ end }}{{ "
      "end -}} ";
  const auto try_one = [](ByteView mutated, std::size_t offset) {
    const Result<std::string> output = RunTemplate(AsText(mutated));
    if (output) {
      EXPECT_LT(output->size(), 16'384U) << offset;  // no width passes a thousand
      EXPECT_FALSE(output->contains("{{")) << offset << *output;
    } else {
      EXPECT_THAT(output.error().code(),
                  AnyOf(Code::kMalformed, Code::kUnsupported, Code::kExhausted))
          << offset << output.error().ToString();
    }
  };
  strongroom::testing::ForEachTruncation(AsBytes(text), try_one);
  for (const std::uint8_t mask : {std::uint8_t{0x01}, std::uint8_t{0x20}, std::uint8_t{0x80}}) {
    strongroom::testing::ForEachFlippedByte(AsBytes(text), try_one, mask);
  }
}

TEST(MarbleTemplates, CarriesOutFilesAndEnvironment) {
  const World world;
  Marble marble;
  marble.activation = Dialect::kStrongroom;
  marble.files = {{"/t", {"k={{ hex .Secrets.key }}", false}},
                  {"/p", {"{{ nothing }}", true}},
                  {"/b", {std::string("a\0b", 3), false}}};
  marble.env = {{"T", {"{{ string .Secrets.plain }}", false}}};
  ASSERT_OK_AND_ASSIGN(const MarbleTemplates templates, MarbleTemplates::Parse(marble));
  ASSERT_OK_AND_ASSIGN(const MarbleTemplates::Output output,
                       templates.Execute(world.data(), Dialect::kStrongroom));
  EXPECT_EQ(AsText(output.files.at("/t").Reveal()), "k=616263");
  EXPECT_EQ(AsText(output.files.at("/p").Reveal()), "{{ nothing }}");
  EXPECT_EQ(output.files.at("/b").size(), 3U);
  EXPECT_EQ(AsText(output.env.at("T").Reveal()), "hello");
}

TEST(MarbleTemplates, NamesTheEntryThatFails) {
  const World world;
  Marble marble;
  marble.env = {{"A", {"{{ nope }}", false}}};
  EXPECT_THAT(MarbleTemplates::Parse(marble), Fails(Code::kMalformed, "Parameters.Env.A"));
  marble.env = {{"A", {std::string("a\0", 2), true}}};
  EXPECT_THAT(MarbleTemplates::Parse(marble), Fails(Code::kMalformed, "zero byte"));
  marble.env = {};
  marble.files = {{"/f", {"{{ hex .Secrets.unset }}", false}}};
  ASSERT_OK_AND_ASSIGN(const MarbleTemplates templates, MarbleTemplates::Parse(marble));
  EXPECT_THAT(templates.Execute(world.data(), Dialect::kStrongroom),
              Fails(Code::kPrecondition, "Parameters.Files./f"));
}

TEST(Template, CallsPreviousSecretsUnsupportedWhereThereAreNone) {
  const auto parsed = Template::Parse("{{ hex .Previous.Secrets.key }}", TemplateTarget::kFile);
  ASSERT_OK(parsed);
  EXPECT_THAT(parsed->Execute({}), Fails(Code::kUnsupported, "not carried out by this version"));
}

TEST(MarbleTemplates, LetPrivateKeysIntoTheEnvironmentOfMarbleRunStyleMarblesOnly) {
  const World world;
  Marble marble;
  marble.env = {{"A", {"{{ pem .Secrets.cert.Private }}", false}}};
  const auto run = [&](Dialect dialect) {
    return MarbleTemplates::Parse(marble)->Execute(world.data(), dialect);
  };
  EXPECT_OK(run(Dialect::kMarbleRun));
  EXPECT_THAT(run(Dialect::kStrongroom), Fails(Code::kDenied, "Parameters.Env.A"))
      << "nothing was declared";
  marble.activation = Dialect::kMarbleRun;
  EXPECT_OK(run(Dialect::kMarbleRun));
  EXPECT_OK(run(Dialect::kStrongroom)) << "declared";
  marble.activation = Dialect::kStrongroom;
  EXPECT_THAT(run(Dialect::kStrongroom), Fails(Code::kDenied, "environment"));
  marble.env = {};
  marble.files = {{"/f", {"{{ pem .Secrets.cert.Private }}", false}}};
  EXPECT_OK(run(Dialect::kStrongroom)) << "a file is no environment";
}

}  // namespace
}  // namespace strongroom::manifest
