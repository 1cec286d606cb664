#pragma once

#include <array>
#include <string_view>

namespace strongroom::k8s {

// What a device plugin for SGX makes its nodes offer, as extended resources.
struct SgxPlugin {
  std::string_view epc;             // enclave memory; it names the plugin everywhere else
  std::string_view enclave = {};    // a handle to the enclave device; empty: it has none of its own
  std::string_view provision = {};  // a handle to the provisioning device; empty: it has none
  bool counts_mib = false;          // whether `epc` counts MiB, not bytes
};

// The plugins that we know: Intel's, AKS's and Alibaba Cloud's. The charts name them too.
inline constexpr std::array kSgxPlugins = {
    SgxPlugin{.epc = "sgx.intel.com/epc",
              .enclave = "sgx.intel.com/enclave",
              .provision = "sgx.intel.com/provision"},
    SgxPlugin{.epc = "kubernetes.azure.com/sgx_epc_mem_in_MiB", .counts_mib = true},
    SgxPlugin{.epc = "alibabacloud.com/sgx_epc_MiB", .counts_mib = true},
};

// What is taken where nobody named another.
inline constexpr std::string_view kDefaultSgxResource = kSgxPlugins[0].epc;

}  // namespace strongroom::k8s
