namespace IommuKit.Specs.Smmu3;

/// <summary>The kinds of event records (IHI 0070, section 7.3).</summary>
public enum Smmu3EventType
{
    /// <summary>No event.</summary>
    None = 0,

    /// <summary>F_UUT: an unsupported transaction from upstream.</summary>
    UnsupportedTransaction = 0x01,

    /// <summary>C_BAD_STREAMID: the StreamID is beyond the stream table.</summary>
    BadStreamId = 0x02,

    /// <summary>F_STE_FETCH: a stream table entry could not be read.</summary>
    StreamFetch = 0x03,

    /// <summary>C_BAD_STE: a stream table entry is invalid or illegal.</summary>
    BadStream = 0x04,

    /// <summary>F_BAD_ATS_TREQ: a translation request of a device that may make none.</summary>
    BadTranslationRequest = 0x05,

    /// <summary>F_STREAM_DISABLED: a transaction without a substream where it needs one, or with substream 0 where that is taken.</summary>
    StreamDisabled = 0x06,

    /// <summary>F_TRANSL_FORBIDDEN: a translated transaction of a device that may make none.</summary>
    TranslatedForbidden = 0x07,

    /// <summary>C_BAD_SUBSTREAMID: the SubstreamID is beyond the table of context descriptors.</summary>
    BadSubstreamId = 0x08,

    /// <summary>F_CD_FETCH: a context descriptor could not be read.</summary>
    ContextFetch = 0x09,

    /// <summary>C_BAD_CD: a context descriptor is invalid or illegal.</summary>
    BadContext = 0x0a,

    /// <summary>F_WALK_EABT: a page-table entry could not be read.</summary>
    WalkAbort = 0x0b,

    /// <summary>F_TRANSLATION: there is no translation.</summary>
    Translation = 0x10,

    /// <summary>F_ADDR_SIZE: an address has too many bits.</summary>
    AddressSize = 0x11,

    /// <summary>F_ACCESS: the access flag is not set.</summary>
    AccessFlag = 0x12,

    /// <summary>F_PERMISSION: it is not allowed.</summary>
    Permission = 0x13,

    /// <summary>F_TLB_CONFLICT.</summary>
    TlbConflict = 0x20,

    /// <summary>F_CFG_CONFLICT.</summary>
    ConfigConflict = 0x21,

    /// <summary>E_PAGE_REQUEST: a speculative request for a page.</summary>
    PageRequest = 0x24,

    /// <summary>F_VMS_FETCH.</summary>
    VmsFetch = 0x25,
}
