#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "manifest/template.h"

// Between protobuf messages and values; both dialects use it.
namespace strongroom::coordinator {

// A request holds a name, a UUID, a CSR and a quote (attest::kMaxQuoteBytes).
inline constexpr std::size_t kMaxActivationMessageBytes = 256 * 1024;

template <class Message>
Result<Message> ParseMessage(ByteView bytes) {
  Message out;
  if (!out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Malformed("the message is no " + out.GetTypeName());
  return out;
}

template <class Message>
Result<Bytes> SerializeMessage(const Message& message) {
  Bytes out(message.ByteSizeLong());
  if (!message.SerializeToArray(out.data(), static_cast<int>(out.size())))
    return Internal("cannot serialize " + message.GetTypeName());
  return out;
}

// Files, Env and Argv have the same types in both protocols.
template <class BytesMap, class Texts>
void FillParameters(const manifest::MarbleTemplates::Output& from,
                    const std::vector<std::string>& argv, BytesMap& files, BytesMap& env,
                    Texts& arguments) {
  for (const auto& [path, content] : from.files) files[path] = ToText(content.Reveal());
  for (const auto& [name, value] : from.env) env[name] = ToText(value.Reveal());
  for (const std::string& argument : argv) *arguments.Add() = argument;
}

}  // namespace strongroom::coordinator
