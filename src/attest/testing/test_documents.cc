#include <fmt/format.h>

#include "attest/testing/test_platform.h"
#include "base/encoding.h"
#include "base/json.h"
#include "crypto/der.h"

namespace strongroom::attest::testing {
namespace {

using crypto::DerOid;
using crypto::DerSequence;

constexpr std::string_view kBase = "1.2.840.113741.1.13.1";

Bytes Pair(std::string_view suffix, ByteView value) {
  return DerSequence({DerOid(fmt::format("{}.{}", kBase, suffix)), value});
}

Bytes TcbElement(const Recipe& recipe) {
  std::vector<Bytes> elements;
  for (std::size_t i = 0; i < recipe.components.size(); ++i) {
    elements.push_back(Pair(fmt::format("2.{}", i + 1), crypto::DerUnsigned(recipe.components[i])));
  }
  elements.push_back(Pair("2.17", crypto::DerUnsigned(recipe.pce_svn)));
  elements.push_back(Pair("2.18", crypto::DerOctetString(recipe.components)));
  return DerSequence(elements);
}

void WriteLevelEnd(JsonWriter& w, const std::string& date, const std::string& status,
                   const std::vector<std::string>& advisories) {
  w.Key("tcbDate").String(date).Key("tcbStatus").String(status);
  if (advisories.empty()) return;
  w.Key("advisoryIDs").Array();
  for (const std::string& id : advisories) w.String(id);
  w.End();
}

void WriteTimes(JsonWriter& w, const Recipe& recipe) {
  w.Key("issueDate").String(FormatRfc3339(recipe.now + recipe.documents_issued));
  w.Key("nextUpdate").String(FormatRfc3339(recipe.now + recipe.documents_end));
}

}  // namespace

Bytes SgxExtension(const Recipe& recipe) {
  const Bytes configuration =
      DerSequence({Pair("7.1", crypto::DerBoolean(true)), Pair("7.2", crypto::DerBoolean(false)),
                   Pair("7.3", crypto::DerBoolean(true))});
  return DerSequence(
      {Pair("1", crypto::DerOctetString(Bytes(16, 0x77))), Pair("2", TcbElement(recipe)),
       Pair("3", crypto::DerOctetString(recipe.pce_id)),
       Pair("4", crypto::DerOctetString(recipe.fmspc)), Pair("5", crypto::DerEnumerated(1)),
       Pair("6", crypto::DerOctetString(Bytes(16, 0x88))), Pair("7", configuration)});
}

std::string TcbInfoBody(const Recipe& recipe) {
  JsonWriter w;
  w.Object().Key("id").String("SGX").Key("version").Int(3);
  WriteTimes(w, recipe);
  w.Key("fmspc")
      .String(recipe.tcb_fmspc)
      .Key("pceId")
      .String(recipe.tcb_pce_id)
      .Key("tcbType")
      .Int(0);
  w.Key("tcbEvaluationDataNumber").Unsigned(recipe.tcb_evaluation_number).Key("tcbLevels").Array();
  for (const LevelSpec& level : recipe.levels) {
    w.Object().Key("tcb").Object().Key("sgxtcbcomponents").Array();
    for (int i = 0; i < 16; ++i) w.Object().Key("svn").Unsigned(level.svn).End();
    w.End().Key("pcesvn").Unsigned(level.pce_svn).End();
    WriteLevelEnd(w, level.date, level.status, level.advisories);
    w.End();
  }
  w.End().End();
  return std::move(w).Finish();
}

std::string QeIdentityBody(const Recipe& recipe) {
  JsonWriter w;
  w.Object().Key("id").String("QE").Key("version").Int(2);
  WriteTimes(w, recipe);
  w.Key("tcbEvaluationDataNumber").Unsigned(recipe.qe_evaluation_number);
  w.Key("miscselect").String("00000000").Key("miscselectMask").String("FFFFFFFF");
  w.Key("attributes").String("11000000000000000000000000000000");
  w.Key("attributesMask").String("FBFFFFFFFFFFFFFF0000000000000000");
  w.Key("mrsigner")
      .String(HexEncode(Bytes(32, 0x8c)))
      .Key("isvprodid")
      .Int(1)
      .Key("tcbLevels")
      .Array();
  for (const QeLevelSpec& level : recipe.qe_levels) {
    w.Object().Key("tcb").Object().Key("isvsvn").Unsigned(level.isv_svn).End();
    WriteLevelEnd(w, level.date, level.status, {});
    w.End();
  }
  w.End().End();
  return std::move(w).Finish();
}

Result<std::string> SignDocument(std::string_view name, std::string_view body,
                                 const crypto::PrivateKey& key) {
  ASSIGN_OR_RETURN(const Bytes signature,
                   key.SignRaw(crypto::SignatureScheme::kEcdsaSha256, AsBytes(body)));
  return fmt::format("{{\"{}\":{},\"signature\":\"{}\"}}", name, body, HexEncode(signature));
}

}  // namespace strongroom::attest::testing
