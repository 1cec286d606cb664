#include "serving/openvino/runtime_folder.h"

#include <fstream>

#include "base/files.h"
#include "testing/result_matchers.h"

namespace strongroom::serving::openvino {
namespace {

using strongroom::testing::Fails;

TEST(RuntimeFolderTest, TheOneWeRunWithHoldsOnlyWhatIsNeeded) {
  ASSERT_OK_AND_ASSIGN(const auto folder, RuntimeFolder());
  EXPECT_TRUE(std::filesystem::exists(folder / "libopenvino_intel_cpu_plugin.so")) << folder;
  EXPECT_OK(CheckRuntimeFolder(folder));
}

TEST(RuntimeFolderTest, APartThatIsNotNeededIsRefused) {
  for (const char* name :
       {"libopenvino_tensorflow_frontend.so.2641", "libopenvino_evil_frontend.so", "plugins.xml",
        "libopenvino_intel_gpu_plugin.so", "libopenvinoX.so", "libtbbmalloc.so.2"}) {
    const TemporaryFolder folder = TemporaryFolder::Make("strongroom-runtime-").value();
    std::ofstream(folder.path() / "libopenvino.so.2641") << "";
    std::ofstream(folder.path() / "libcrypto.so.3") << "";
    EXPECT_OK(CheckRuntimeFolder(folder.path()));
    std::ofstream(folder.path() / name) << "";
    EXPECT_THAT(CheckRuntimeFolder(folder.path()), Fails(Code::kUntrusted, name));
  }
  EXPECT_THAT(CheckRuntimeFolder("/nowhere/at/all"), Fails(Code::kInternal, "/nowhere"));
}

}  // namespace
}  // namespace strongroom::serving::openvino
