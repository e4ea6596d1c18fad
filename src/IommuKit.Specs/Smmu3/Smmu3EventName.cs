namespace IommuKit.Specs.Smmu3;

/// <summary>The architecture's names of event records (IHI 0070, section 7.3).</summary>
public static class Smmu3EventName
{
    /// <summary>The name of a type, or <c>event 0x..</c> for one that has none here.</summary>
    public static string Of(Smmu3EventType type) => type switch
    {
        Smmu3EventType.UnsupportedTransaction => "F_UUT",
        Smmu3EventType.BadStreamId => "C_BAD_STREAMID",
        Smmu3EventType.StreamFetch => "F_STE_FETCH",
        Smmu3EventType.BadStream => "C_BAD_STE",
        Smmu3EventType.BadTranslationRequest => "F_BAD_ATS_TREQ",
        Smmu3EventType.StreamDisabled => "F_STREAM_DISABLED",
        Smmu3EventType.TranslatedForbidden => "F_TRANSL_FORBIDDEN",
        Smmu3EventType.BadSubstreamId => "C_BAD_SUBSTREAMID",
        Smmu3EventType.ContextFetch => "F_CD_FETCH",
        Smmu3EventType.BadContext => "C_BAD_CD",
        Smmu3EventType.WalkAbort => "F_WALK_EABT",
        Smmu3EventType.Translation => "F_TRANSLATION",
        Smmu3EventType.AddressSize => "F_ADDR_SIZE",
        Smmu3EventType.AccessFlag => "F_ACCESS",
        Smmu3EventType.Permission => "F_PERMISSION",
        Smmu3EventType.TlbConflict => "F_TLB_CONFLICT",
        Smmu3EventType.ConfigConflict => "F_CFG_CONFLICT",
        Smmu3EventType.PageRequest => "E_PAGE_REQUEST",
        Smmu3EventType.VmsFetch => "F_VMS_FETCH",
        _ => $"event 0x{(int)type:x2}",
    };
}
