#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

// Members of Kubernetes objects as `kubectl get -o json` prints them. What is missing or of another
// type reads as empty: the API server decides what is in an object, and every version adds to it.
namespace strongroom::cli {

using ObjectPath = std::initializer_list<std::string_view>;

// A member of a member …; null when one of them is missing.
const Json* At(const Json& json, ObjectPath path);
std::string TextAt(const Json& json, ObjectPath path);
std::int64_t NumberAt(const Json& json, ObjectPath path);
const std::vector<Json>& ItemsAt(const Json& json, ObjectPath path);

// metadata.name
std::string NameOf(const Json& object);

}  // namespace strongroom::cli
