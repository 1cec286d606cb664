# The version is what git says: the nearest tag vX.Y.Z, else 0.1.0 plus the commit.
find_package(Git QUIET)
set(STRONGROOM_VERSION "0.1.0")
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --tags --match "v[0-9]*" --always --dirty
                  WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" OUTPUT_VARIABLE described
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE git_status)
  if(git_status EQUAL 0 AND described MATCHES "^v([0-9]+\\.[0-9]+\\.[0-9]+.*)$")
    set(STRONGROOM_VERSION "${CMAKE_MATCH_1}")
  elseif(git_status EQUAL 0)
    set(STRONGROOM_VERSION "0.1.0+${described}")
  endif()
endif()
string(REGEX MATCH "^[0-9]+\\.[0-9]+\\.[0-9]+" STRONGROOM_VERSION_NUMBERS "${STRONGROOM_VERSION}")
