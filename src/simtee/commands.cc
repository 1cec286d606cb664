#include "simtee/commands.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/files.h"
#include "base/json.h"
#include "crypto/sgx_signing.h"
#include "sim/well_known.h"
#include "simtee/sigstruct.h"

namespace strongroom::simtee {
namespace {

constexpr std::size_t kMaxKeyBytes = 16 * 1024;

// The names that manifests give these values.
std::string IdentityJson(const PreparedLaunch& launch, const std::string& anchor) {
  const sim::EnclaveIdentity& identity = launch.identity;
  JsonWriter out;
  out.Object().Key("UniqueID").String(HexEncode(identity.mrenclave.view()));
  if (launch.is_signed) out.Key("SignerID").String(HexEncode(identity.mrsigner.view()));
  out.Key("ProductID").Unsigned(identity.isv_prod_id);
  out.Key("SecurityVersion").Unsigned(identity.isv_svn).Key("Debug").Bool(identity.debug);
  out.Key("TrustAnchor").String(anchor).End();
  return std::move(out).Finish();
}

void PrintIdentity(const PreparedLaunch& launch, const std::string& anchor, bool json) {
  if (json) {
    fmt::print("{}\n", IdentityJson(launch, anchor));
    return;
  }
  const sim::EnclaveIdentity& identity = launch.identity;
  fmt::print(
      "mrenclave         {}\nmrsigner          {}\nproduct id        {}\nsecurity version  {}\n"
      "debug             {}\ntrust anchor      {}\nmeasured files    {}\n",
      HexEncode(identity.mrenclave.view()), launch.SignerText(), identity.isv_prod_id,
      identity.isv_svn, identity.debug ? "yes" : "no", anchor, launch.files.size());
}

Result<crypto::PrivateKey> SigningKey(const SignFlags& flags) {
  if (flags.well_known_signer) return sim::WellKnownSigningKey();
  ASSIGN_OR_RETURN(const SecretBytes pem, ReadSecretFile(flags.key, kMaxKeyBytes));
  return In(flags.key, crypto::PrivateKey::FromPem(AsText(pem.Reveal())));
}

}  // namespace

Status PrintMeasurement(const MeasureFlags& flags, bool json, const Machine& machine) {
  ASSIGN_OR_RETURN(const PreparedLaunch launch, Prepare(flags.launch, machine.entropy));
  if (flags.record) {
    fmt::print("{}", launch.record);
    return {};
  }
  ASSIGN_OR_RETURN(const sim::World world, OpenWorld(flags.world, machine.entropy, machine.clock));
  PrintIdentity(launch, HexEncode(world.anchor().view()), json);
  return {};
}

Status SignLaunch(const SignFlags& flags, bool json, const Machine& machine) {
  LaunchFlags launch;
  launch.launch = flags.launch;
  launch.image = flags.image;
  launch.is_unsigned = true;
  ASSIGN_OR_RETURN(PreparedLaunch prepared, Prepare(launch, machine.entropy));
  ASSIGN_OR_RETURN(const crypto::PrivateKey key, SigningKey(flags));
  sim::EnclaveIdentity& identity = prepared.identity;
  ASSIGN_OR_RETURN(identity.mrsigner, In(flags.key, MrSignerOf(key.public_key())));
  prepared.is_signed = true;
  const UnixSeconds date = flags.date.has_value() ? UnixSeconds(*flags.date) : machine.clock.Now();
  ASSIGN_OR_RETURN(const Bytes sigstruct, SignSigstruct(identity.mrenclave, identity.isv_prod_id,
                                                        identity.isv_svn, key, date));
  const std::string beside = flags.image + flags.launch + ".sig";
  RETURN_IF_ERROR(WriteFileAtomic(flags.out.empty() ? beside : flags.out, sigstruct, 0644));
  ASSIGN_OR_RETURN(const sim::World world, OpenWorld(flags.world, machine.entropy, machine.clock));
  PrintIdentity(prepared, HexEncode(world.anchor().view()), json);
  return {};
}

Status GenerateSigningKey(const std::string& out) {
  ASSIGN_OR_RETURN(const crypto::PrivateKey key, crypto::GenerateSgxSigningKey());
  ASSIGN_OR_RETURN(const attest::MrSigner mrsigner, MrSignerOf(key.public_key()));
  RETURN_IF_ERROR(CreateFileAtomic(out, key.Pkcs8Pem().Reveal(), 0600));
  fmt::print("mrsigner {}\n", HexEncode(mrsigner.view()));
  return {};
}

Status PrintRoot(const WorldFlags& flags, bool certificate, bool json, const Machine& machine) {
  ASSIGN_OR_RETURN(const sim::World world, OpenWorld(flags, machine.entropy, machine.clock));
  const std::string anchor = HexEncode(world.anchor().view());
  if (json) {
    JsonWriter out;
    out.Object()
        .Key("trust_anchor")
        .String(anchor)
        .Key("certificate")
        .String(world.root_certificate_pem())
        .End();
    fmt::print("{}\n", out.text());
  } else if (certificate) {
    fmt::print("{}", world.root_certificate_pem());
  } else {
    fmt::print("{}\n", anchor);
  }
  return {};
}

Status PrintPlatforms(bool json) {
  JsonWriter out;
  out.Array();
  for (const sim::PlatformModel& model : sim::PlatformModels()) {
    const std::string_view verdict =
        model.verdict.has_value() ? attest::TcbStatusName(*model.verdict) : "refused";
    out.Object().Key("name").String(model.name).Key("verdict").String(verdict);
    out.Key("fmspc")
        .String(HexEncode(model.fmspc.view()))
        .Key("description")
        .String(model.description)
        .End();
    if (!json) fmt::print("{:<38} {:<34} {}\n", model.name, verdict, model.description);
  }
  out.End();
  if (json) fmt::print("{}\n", out.text());
  return {};
}

}  // namespace strongroom::simtee
