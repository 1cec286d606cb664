#include "attest/sgx/report_body.h"

namespace strongroom::attest {

Result<SgxReportBody> ReadSgxReportBody(Reader& reader) {
  SgxReportBody body;
  ASSIGN_OR_RETURN(body.cpu_svn, reader.TakeFixed<CpuSvn>());
  ASSIGN_OR_RETURN(body.miscselect, reader.U32Le());
  RETURN_IF_ERROR(reader.Skip(12));
  ASSIGN_OR_RETURN(body.isv_ext_prod_id, reader.TakeFixed<IsvExtProdId>());
  ASSIGN_OR_RETURN(body.attributes_flags, reader.U64Le());
  ASSIGN_OR_RETURN(body.attributes_xfrm, reader.U64Le());
  ASSIGN_OR_RETURN(body.mrenclave, reader.TakeFixed<MrEnclave>());
  RETURN_IF_ERROR(reader.Skip(32));
  ASSIGN_OR_RETURN(body.mrsigner, reader.TakeFixed<MrSigner>());
  RETURN_IF_ERROR(reader.Skip(32));
  ASSIGN_OR_RETURN(body.config_id, reader.TakeFixed<ConfigId>());
  ASSIGN_OR_RETURN(body.isv_prod_id, reader.U16Le());
  ASSIGN_OR_RETURN(body.isv_svn, reader.U16Le());
  ASSIGN_OR_RETURN(body.config_svn, reader.U16Le());
  RETURN_IF_ERROR(reader.Skip(42));
  ASSIGN_OR_RETURN(body.isv_family_id, reader.TakeFixed<IsvFamilyId>());
  ASSIGN_OR_RETURN(body.report_data, reader.TakeFixed<ReportData>());
  return body;
}

Bytes EncodeSgxReportBody(const SgxReportBody& body) {
  Writer w;
  w.Put(body.cpu_svn.view()).U32Le(body.miscselect).Zeros(12).Put(body.isv_ext_prod_id.view());
  w.U64Le(body.attributes_flags).U64Le(body.attributes_xfrm);
  w.Put(body.mrenclave.view())
      .Zeros(32)
      .Put(body.mrsigner.view())
      .Zeros(32)
      .Put(body.config_id.view());
  w.U16Le(body.isv_prod_id).U16Le(body.isv_svn).U16Le(body.config_svn).Zeros(42);
  w.Put(body.isv_family_id.view()).Put(body.report_data.view());
  return std::move(w).Finish();
}

}  // namespace strongroom::attest
