// Replays a corpus through a fuzz target without libFuzzer: every build runs every known case.

#include <cstdio>
#include <filesystem>

#include "base/files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER (found %s)\n", argv[0],
                 argc == 2 ? argv[1] : "no folder");
    return 2;
  }
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1])) {
    if (!entry.is_regular_file()) continue;
    const auto bytes = strongroom::ReadFile(entry.path(), 64 << 20);
    if (!bytes) {
      std::fprintf(stderr, "%s\n", bytes.error().ToString().c_str());
      return 1;
    }
    LLVMFuzzerTestOneInput(bytes->data(), bytes->size());
    ++cases;
  }
  std::printf("%zu cases replayed\n", cases);
  return cases == 0 ? 1 : 0;  // a corpus that vanished is a failure
}
