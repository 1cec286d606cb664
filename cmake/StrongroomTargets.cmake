# The only ways to add a target. A room is a folder of src/; its library is strongroom_<room> with / as _.

# strongroom_library(NAME SOURCES a.cc … [HEADERS a.h …] [DEPS strongroom_base …] [SYSTEM_DEPS OpenSSL::Crypto …])
#   HEADERS are compiled alone in the check "all_verify_interface_header_sets".
#   SYSTEM_DEPS are third-party: their headers are SYSTEM and private to the room.
function(strongroom_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;HEADERS;DEPS;SYSTEM_DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC strongroom_settings ${arg_DEPS} PRIVATE ${arg_SYSTEM_DEPS})
  if(arg_HEADERS)
    target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}/src" FILES ${arg_HEADERS})
    set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
endfunction()

# strongroom_test(NAME SOURCES a_test.cc … [DEPS …] [SYSTEM_DEPS …] [LABELS flow|interop] [TIMEOUT seconds])
#   One gtest program, one CTest entry. Without LABELS it is a unit test. Runs in the source folder,
#   with STRONGROOM_BIN naming the folder of built programs.
function(strongroom_test name)
  if(NOT STRONGROOM_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;DEPS;SYSTEM_DEPS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE strongroom_settings strongroom_testing ${arg_DEPS} ${arg_SYSTEM_DEPS}
                        GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "STRONGROOM_BIN=${CMAKE_BINARY_DIR}/bin;STRONGROOM_PYTHON=${STRONGROOM_PYTHON}")
endfunction()

# strongroom_fuzz(NAME SOURCE a_fuzz.cc [CORPUS dir] [DEPS …])
#   Under the fuzz preset a libFuzzer program; otherwise a plain test that replays the corpus through the same
#   function, so that every build runs every known case. CORPUS defaults to testdata/<NAME> beside the source.
function(strongroom_fuzz name)
  cmake_parse_arguments(arg "" "SOURCE;CORPUS" "DEPS" ${ARGN})
  if(NOT arg_CORPUS)
    set(arg_CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/testdata/${name}")
  endif()
  if(STRONGROOM_FUZZ)
    add_executable(${name} ${arg_SOURCE})
    target_link_libraries(${name} PRIVATE strongroom_settings ${arg_DEPS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
    set_property(GLOBAL APPEND PROPERTY STRONGROOM_FUZZ_TARGETS "${name}:${arg_CORPUS}")
  elseif(STRONGROOM_TESTS)
    add_executable(${name}_replay ${arg_SOURCE})
    target_link_libraries(${name}_replay PRIVATE strongroom_settings ${arg_DEPS} strongroom_fuzz_replay)
    set_target_properties(${name}_replay PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    add_test(NAME ${name}_replay COMMAND ${name}_replay "${arg_CORPUS}" WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    set_tests_properties(${name}_replay PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()

# strongroom_bench(NAME SOURCES … [DEPS …] [SYSTEM_DEPS …]): a program for tools/bench.
function(strongroom_bench name)
  if(NOT STRONGROOM_BENCH)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;SYSTEM_DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE strongroom_settings ${arg_DEPS} ${arg_SYSTEM_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
endfunction()

# strongroom_program(NAME [PORTABLE] [DEPS …] [SYSTEM_DEPS …]): programs/<folder>/main.cc → bin/<NAME>, installed.
#   PORTABLE: it can copy itself with its libraries into a foreign container (base/portable_copy.h). DT_RPATH and not
#   DT_RUNPATH, because only that holds for the libraries of libraries too.
function(strongroom_program name)
  cmake_parse_arguments(arg "PORTABLE" "" "SOURCES;DEPS;SYSTEM_DEPS" ${ARGN})
  add_executable(${name} main.cc ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE strongroom_settings strongroom_version ${arg_DEPS} ${arg_SYSTEM_DEPS})
  target_include_directories(${name} SYSTEM PRIVATE "${CLI11_INCLUDE}")
  if(arg_PORTABLE)
    target_link_options(${name} PRIVATE -Wl,--disable-new-dtags)
    set_target_properties(${name} PROPERTIES INSTALL_RPATH "$ORIGIN/strongroom-lib" BUILD_WITH_INSTALL_RPATH ON)
  endif()
  set_property(GLOBAL APPEND PROPERTY STRONGROOM_PROGRAMS ${name})
endfunction()
