# Install rules and the .deb. OpenVINO's libraries go beside the model server under lib/strongroom, where its run path looks.
include(GNUInstallDirs)
get_property(programs GLOBAL PROPERTY STRONGROOM_PROGRAMS)
if(programs)
  install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
# OpenVINO is Apache-2.0 as we are; its own notices name what is inside it.
file(GLOB openvino_licenses "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/openvino-[0-9]*.dist-info/licenses")
if(openvino_licenses)
  install(DIRECTORY ${openvino_licenses}/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/openvino)
endif()
# `strongroom install` looks for its charts there.
install(DIRECTORY deploy/charts/ DESTINATION ${CMAKE_INSTALL_DATADIR}/strongroom/charts
        FILES_MATCHING PATTERN "*" PATTERN "ci" EXCLUDE)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME strongroom)
set(CPACK_STRONGROOM_VERSION_FILE "${CMAKE_BINARY_DIR}/version.txt")
set(CPACK_PROJECT_CONFIG_FILE "${CMAKE_CURRENT_LIST_DIR}/package_version.cmake")
set(CPACK_PACKAGE_CONTACT "The Strongroom authors <strongroom@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
# Every library but OpenVINO's is the distribution's; the package names those that hold them.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${CMAKE_BINARY_DIR}/lib/strongroom")
set(CPACK_DEBIAN_PACKAGE_DEPENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS fuse3) # strongroom-simtee --gramine-files, for others than root
set(CPACK_STRIP_FILES ON)
include(CPack)
