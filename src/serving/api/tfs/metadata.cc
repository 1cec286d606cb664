#include "serving/api/tfs/metadata.h"

#include <tensorflow_serving.pb.h>

#include <algorithm>
#include <functional>
#include <string>

#include <fmt/format.h>

#include "net/status_map.h"
#include "serving/api/tfs/predict.h"
#include "serving/api/tfs/tensor_proto.h"

namespace strongroom::serving::api::tfs {
namespace {

constexpr std::string_view kSignatureDef = "signature_def";

void FillInfo(const TensorSpec& spec, ::tensorflow::TensorInfo& info) {
  info.set_name(spec.name);
  info.set_dtype(static_cast<::tensorflow::DataType>(TfType(spec.dtype)));
  for (const std::int64_t dim : spec.declared_shape())
    info.mutable_tensor_shape()->add_dim()->set_size(dim);
}

::tensorflow::serving::ModelVersionStatus::State ToProto(VersionState state) {
  using Proto = ::tensorflow::serving::ModelVersionStatus;
  switch (state) {
    case VersionState::kStart: return Proto::START;
    case VersionState::kLoading: return Proto::LOADING;
    case VersionState::kAvailable: return Proto::AVAILABLE;
    case VersionState::kUnloading: return Proto::UNLOADING;
    case VersionState::kEnd: return Proto::END;
  }
  return Proto::UNKNOWN;
}

Bytes Serialized(const google::protobuf::MessageLite& message) {
  return ToBytes(message.SerializeAsString());
}

}  // namespace

Status CheckMetadataFields(std::span<const std::string_view> fields) {
  if (fields.empty())
    return Malformed("GetModelMetadataRequest must specify at least one metadata_field");
  for (const std::string_view field : fields) {
    if (field != kSignatureDef)
      return Malformed(fmt::format("Metadata field {} is not supported", field));
  }
  return {};
}

Bytes EncodeModelMetadata(const Servable& servable) {
  ::tensorflow::SignatureDef definition;
  definition.set_method_name("tensorflow/serving/predict");
  const Signature& signature = servable.loaded->signature();
  for (const TensorSpec& spec : signature.inputs)
    FillInfo(spec, (*definition.mutable_inputs())[spec.name]);
  for (const TensorSpec& spec : signature.outputs)
    FillInfo(spec, (*definition.mutable_outputs())[spec.name]);
  ::tensorflow::serving::SignatureDefMap map;
  (*map.mutable_signature_def())[std::string(kServingDefault)] = std::move(definition);

  ::tensorflow::serving::GetModelMetadataResponse response;
  response.mutable_model_spec()->set_name(servable.model);
  response.mutable_model_spec()->mutable_version()->set_value(servable.version);
  ::tensorflow::serving::Any& packed = (*response.mutable_metadata())[std::string(kSignatureDef)];
  packed.set_type_url("type.googleapis.com/" + map.GetTypeName());
  packed.set_value(map.SerializeAsString());
  return Serialized(response);
}

Result<std::vector<VersionStatus>> StatusesOf(const Manager& manager, std::string_view model,
                                              std::optional<std::int64_t> version) {
  std::vector<VersionStatus> statuses = manager.Statuses(model);
  if (statuses.empty())
    return NotFound(fmt::format("Could not find any versions of model {}", model));
  const auto is_asked = [&](const VersionStatus& status) { return status.version == *version; };
  if (!version || (version == kDefaultVersion && std::ranges::none_of(statuses, is_asked)))
    return statuses;
  std::erase_if(statuses, std::not_fn(is_asked));
  if (statuses.empty())
    return NotFound(fmt::format("Could not find version {} of model {}", *version, model));
  return statuses;
}

Bytes EncodeModelStatus(std::span<const VersionStatus> statuses) {
  ::tensorflow::serving::GetModelStatusResponse response;
  for (const VersionStatus& status : statuses) {
    auto& out = *response.add_model_version_status();
    out.set_version(status.version);
    out.set_state(ToProto(status.state));
    auto& reason = *out.mutable_status();  // present even when all is well: clients read through it
    if (!status.error) continue;
    reason.set_error_code(
        static_cast<::tensorflow::error::Code>(net::ToGrpcStatus(status.error->code())));
    reason.set_error_message(status.error->message());
  }
  return Serialized(response);
}

}  // namespace strongroom::serving::api::tfs
