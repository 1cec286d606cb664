# The version is what git says when programs are built, so that no build folder keeps an old one:
#
#   vX.Y.Z is this very commit      X.Y.Z
#   it is the nearest tag before    X.Y.Z+<time of the commit, UTC>.g<hash>, and -dirty where tracked files were changed
#   no such tag                     the same after 0.1.0
#   no checkout of our own, no git  0.1.0
#
# The time lets packages of later commits sort higher, and is known to a shallow clone too. The first tag must be above 0.1.0:
# packages made before it would sort above v0.1.0 itself.
#
# Included, this gives strongroom_version_library(NAME). As a script, cmake -D FOLDER=… -D OUT=… -P, it writes version.cc and
# version.txt into OUT where they are to change.

# The standard output of git in `folder`, empty after a failure. What a hook of another checkout is told about that one says
# nothing of ours.
function(strongroom_git out folder)
  set(environment TZ=UTC0)
  foreach(name GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_NAMESPACE GIT_PREFIX)
    list(PREPEND environment "--unset=${name}")
  endforeach()
  execute_process(COMMAND "${CMAKE_COMMAND}" -E env ${environment} "${GIT}" --no-optional-locks -C "${folder}" ${ARGN}
                  OUTPUT_VARIABLE said OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    set(said "")
  endif()
  set(${out} "${said}" PARENT_SCOPE)
endfunction()

function(strongroom_describe_version out folder)
  set(${out} "0.1.0" PARENT_SCOPE)
  find_program(GIT git)
  if(NOT GIT)
    return()
  endif()
  # A tarball may have been unpacked inside of somebody's checkout.
  strongroom_git(top "${folder}" rev-parse --show-toplevel)
  file(REAL_PATH "${folder}" here)
  if(NOT top STREQUAL here)
    return()
  endif()
  strongroom_git(commit "${folder}" log -1 --no-show-signature --date=format-local:%Y%m%d%H%M%S --format=%cd.g%H)
  if(NOT commit MATCHES "^[0-9]+\\.g[0-9a-f]+$")
    return()
  endif()
  # Git would make a shown hash as long as the repository's size asks for.
  string(REGEX MATCH "^[0-9]+\\.g............" commit "${commit}")
  set(tags --tags --match "v[0-9]*.[0-9]*.[0-9]*" --exclude "*-*")
  strongroom_git(tag "${folder}" describe ${tags} --abbrev=0)
  strongroom_git(exact "${folder}" describe ${tags} --exact-match)
  strongroom_git(changes "${folder}" status --porcelain --untracked-files=no)
  if(NOT tag)
    set(tag v0.1.0)
  endif()
  string(SUBSTRING "${tag}" 1 -1 version)
  if(NOT exact OR changes)
    string(APPEND version "+${commit}")
  endif()
  if(changes)
    string(APPEND version "-dirty")
  endif()
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

# strongroom_version_library(NAME): a library with Version() of base/version.h, and version.txt in the build folder. A
#   commit compiles one file again and links what has it.
function(strongroom_version_library name)
  set(out "${CMAKE_BINARY_DIR}")
  add_custom_target(${name}_now VERBATIM BYPRODUCTS "${out}/version.cc" "${out}/version.txt"
    COMMAND "${CMAKE_COMMAND}" -D "FOLDER=${CMAKE_SOURCE_DIR}" -D "OUT=${out}"
            -P "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
    COMMENT "Asking git for the version")
  add_library(${name} STATIC "${out}/version.cc")
  add_dependencies(${name} ${name}_now)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  strongroom_describe_version(version "${FOLDER}")
  file(CONFIGURE OUTPUT "${OUT}/version.txt" CONTENT "${version}\n" @ONLY)
  file(CONFIGURE OUTPUT "${OUT}/version.cc" CONTENT
"#include \"base/version.h\"\n\nnamespace strongroom {\n\nstd::string_view Version() { return \"${version}\"; }\n\n}  // namespace strongroom\n" @ONLY)
endif()
