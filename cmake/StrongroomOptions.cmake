# Compiler settings. Hardening is always on; sanitizers are chosen by the presets through STRONGROOM_SANITIZE.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

set(STRONGROOM_SANITIZE "" CACHE STRING "address, thread or empty")
option(STRONGROOM_FUZZ "build the libFuzzer targets (clang only)" OFF)
option(STRONGROOM_TESTS "build tests" ON)
option(STRONGROOM_TIDY "look at every file with clang-tidy (clang only)" OFF)
option(STRONGROOM_BENCH "build benchmarks (wants gRPC C++ as a peer)" OFF)

find_program(STRONGROOM_CCACHE ccache)
if(STRONGROOM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${STRONGROOM_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${STRONGROOM_CCACHE}")
endif()
# The heaviest files (Asio, protobuf) need over a gigabyte each: never more jobs than the machine holds.
set_property(GLOBAL PROPERTY JOB_POOLS link=1)
set(CMAKE_JOB_POOL_LINK link)

add_library(strongroom_settings INTERFACE)
target_compile_features(strongroom_settings INTERFACE cxx_std_23)
target_compile_options(strongroom_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror
  -fstack-protector-strong -fno-strict-aliasing -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_compile_definitions(strongroom_settings INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(strongroom_settings INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
if(STRONGROOM_SANITIZE STREQUAL "address")
  target_compile_options(strongroom_settings INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                         -fno-omit-frame-pointer)
  target_link_options(strongroom_settings INTERFACE -fsanitize=address,undefined)
elseif(STRONGROOM_SANITIZE STREQUAL "thread")
  target_compile_options(strongroom_settings INTERFACE -fsanitize=thread)
  target_link_options(strongroom_settings INTERFACE -fsanitize=thread)
elseif(NOT STRONGROOM_TIDY)  # it wants an optimising compiler
  target_compile_definitions(strongroom_settings INTERFACE _FORTIFY_SOURCE=3)
endif()
if(STRONGROOM_FUZZ)
  target_compile_options(strongroom_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(STRONGROOM_TIDY)
  # A linter newer than the compiler, with the compiler's own headers. The vector instructions among them have changed names
  # since; simdjson can be read without.
  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" -print-resource-dir OUTPUT_VARIABLE resource_dir
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(CMAKE_CXX_CLANG_TIDY "${CMAKE_SOURCE_DIR}/.venv/bin/clang-tidy" --quiet "--warnings-as-errors=*"
      "--extra-arg=-resource-dir=${resource_dir}")
  target_compile_definitions(strongroom_settings INTERFACE SIMDJSON_IMPLEMENTATION_WESTMERE=0
                             SIMDJSON_IMPLEMENTATION_HASWELL=0 SIMDJSON_IMPLEMENTATION_ICELAKE=0)
endif()
target_include_directories(strongroom_settings INTERFACE "${CMAKE_SOURCE_DIR}/src")
