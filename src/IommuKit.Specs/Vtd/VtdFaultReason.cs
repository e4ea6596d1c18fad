namespace IommuKit.Specs.Vtd;

/// <summary>Why a VT-d unit stopped a request: FR of a fault record (VT-d specification, sections 5.1.4 and 7.1.3).</summary>
public enum VtdFaultReason
{
    /// <summary>0: it did not, or without a record.</summary>
    None = 0,

    /// <summary>01h. Legacy mode: the root entry of the bus is not present.</summary>
    RootNotPresent = 0x01,

    /// <summary>02h. Legacy mode: the context entry of the device is not present.</summary>
    ContextNotPresent = 0x02,

    /// <summary>03h. Legacy mode: the context entry has a width or a type that the unit does not have.</summary>
    ContextInvalid = 0x03,

    /// <summary>04h. Legacy mode: the address is wider than the second stage, or than a physical address where it passes through.</summary>
    AddressBeyondWidth = 0x04,

    /// <summary>05h. Legacy mode: a write that some entry on the way does not allow.</summary>
    WriteNotAllowed = 0x05,

    /// <summary>06h. Legacy mode: a read that some entry on the way does not allow.</summary>
    ReadNotAllowed = 0x06,

    /// <summary>07h. Legacy mode: a second-stage table cannot be read.</summary>
    SecondStageNotReadable = 0x07,

    /// <summary>08h. Legacy mode: the root table cannot be read.</summary>
    RootNotReadable = 0x08,

    /// <summary>09h. Legacy mode: the context table cannot be read.</summary>
    ContextNotReadable = 0x09,

    /// <summary>0Ah. Legacy mode: a reserved bit of the root entry is set.</summary>
    RootReserved = 0x0a,

    /// <summary>0Bh. Legacy mode: a reserved bit of the context entry is set.</summary>
    ContextReserved = 0x0b,

    /// <summary>0Ch. Legacy mode: a reserved bit of a second-stage entry is set.</summary>
    SecondStageReserved = 0x0c,

    /// <summary>0Dh. Legacy mode: the context entry blocks translation requests and translated requests.</summary>
    RequestBlocked = 0x0d,

    /// <summary>0Eh. Legacy mode: the translation leads to the addresses of interrupts.</summary>
    InterruptAddress = 0x0e,

    /// <summary>20h. Interrupts: a reserved bit of the request is set.</summary>
    InterruptReserved = 0x20,

    /// <summary>21h. Interrupts: the index is not in the table.</summary>
    InterruptIndex = 0x21,

    /// <summary>22h. Interrupts: the entry is not present.</summary>
    InterruptNotPresent = 0x22,

    /// <summary>23h. Interrupts: the entry cannot be read.</summary>
    InterruptNotReadable = 0x23,

    /// <summary>24h. Interrupts: a reserved bit of the entry is set.</summary>
    InterruptEntryReserved = 0x24,

    /// <summary>25h. Interrupts: the request is in compatibility format, which is blocked.</summary>
    InterruptCompatibility = 0x25,

    /// <summary>26h. Interrupts: the entry is for other sources.</summary>
    InterruptSource = 0x26,

    /// <summary>30h. The mode of the root table is reserved.</summary>
    TableModeReserved = 0x30,

    /// <summary>31h. Legacy mode: the request carries a PASID.</summary>
    LegacyWithPasid = 0x31,

    /// <summary>32h. Legacy mode: the device requests a page.</summary>
    LegacyPageRequest = 0x32,

    /// <summary>38h. Scalable mode: the root table cannot be read.</summary>
    ScalableRootNotReadable = 0x38,

    /// <summary>39h. Scalable mode: the half of the root entry is not present.</summary>
    ScalableRootNotPresent = 0x39,

    /// <summary>3Ah. Scalable mode: a reserved bit of the root entry is set.</summary>
    ScalableRootReserved = 0x3a,

    /// <summary>40h. Scalable mode: the context table cannot be read.</summary>
    ScalableContextNotReadable = 0x40,

    /// <summary>41h. Scalable mode: the context entry of the device is not present.</summary>
    ScalableContextNotPresent = 0x41,

    /// <summary>42h. Scalable mode: a reserved bit of the context entry is set.</summary>
    ScalableContextReserved = 0x42,

    /// <summary>43h. Scalable mode: the context entry has a value that the unit does not have.</summary>
    ScalableContextInvalid = 0x43,

    /// <summary>44h. Scalable mode: a translation request or translated request of a device whose context entry has DTE = 0.</summary>
    DeviceTlbDisabled = 0x44,

    /// <summary>45h. Scalable mode: the request carries a PASID, and the context entry has PASIDE = 0.</summary>
    PasidDisabled = 0x45,

    /// <summary>46h. Scalable mode: the PASID is larger than the directory.</summary>
    PasidTooLarge = 0x46,

    /// <summary>47h. Scalable mode: the device requests a page, and its context entry has PRE = 0.</summary>
    PageRequestsDisabled = 0x47,

    /// <summary>48h. Scalable mode: RID_PASID is larger than the directory.</summary>
    RequestPasidTooLarge = 0x48,

    /// <summary>50h. Scalable mode: the PASID directory cannot be read.</summary>
    PasidDirectoryNotReadable = 0x50,

    /// <summary>51h. Scalable mode: the entry of the PASID directory is not present.</summary>
    PasidDirectoryNotPresent = 0x51,

    /// <summary>52h. Scalable mode: a reserved bit of the entry of the PASID directory is set.</summary>
    PasidDirectoryReserved = 0x52,

    /// <summary>58h. Scalable mode: the PASID table cannot be read.</summary>
    PasidNotReadable = 0x58,

    /// <summary>59h. Scalable mode: the PASID entry is not present.</summary>
    PasidNotPresent = 0x59,

    /// <summary>5Ah. Scalable mode: a reserved bit of the PASID entry is set.</summary>
    PasidReserved = 0x5a,

    /// <summary>5Bh. Scalable mode: the PASID entry has a type, width or feature that the unit does not have.</summary>
    PasidInvalid = 0x5b,

    /// <summary>5Ch. Scalable mode: a request to execute, and the PASID entry has ERE = 0.</summary>
    ExecuteDisabled = 0x5c,

    /// <summary>5Dh. Scalable mode: a privileged request, and the PASID entry has SRE = 0.</summary>
    SupervisorDisabled = 0x5d,

    /// <summary>70h. First stage: a table below the root cannot be read.</summary>
    FirstStageNotReadable = 0x70,

    /// <summary>71h. First stage: an entry is not present.</summary>
    FirstStageNotPresent = 0x71,

    /// <summary>72h. First stage: a reserved bit of an entry is set.</summary>
    FirstStageReserved = 0x72,

    /// <summary>73h. First stage: the root table cannot be read.</summary>
    FirstStageRootNotReadable = 0x73,

    /// <summary>74h. Nested: the address of a first-stage table is wider than the second stage.</summary>
    NestedTableBeyondWidth = 0x74,

    /// <summary>75h. Nested: the second stage does not allow a first-stage root to be read.</summary>
    NestedTableNotReadable = 0x75,

    /// <summary>76h. Nested: the second stage does not allow a first-stage table below the root to be read.</summary>
    NestedEntryNotReadable = 0x76,

    /// <summary>77h. Nested: the second stage does not allow accessed or dirty bits to be set in a first-stage table.</summary>
    NestedEntryNotWritable = 0x77,

    /// <summary>78h. Second stage, scalable mode: a table below the root cannot be read.</summary>
    ScalableSecondStageNotReadable = 0x78,

    /// <summary>79h. Second stage, scalable mode: an entry allows neither reads nor writes.</summary>
    ScalableSecondStageNotPresent = 0x79,

    /// <summary>7Ah. Second stage, scalable mode: a reserved bit of an entry is set.</summary>
    ScalableSecondStageReserved = 0x7a,

    /// <summary>7Bh. Second stage, scalable mode: the root table cannot be read.</summary>
    ScalableSecondStageRootNotReadable = 0x7b,

    /// <summary>80h. First stage: the address is not canonical.</summary>
    NotCanonical = 0x80,

    /// <summary>81h. First stage: the entries are for privileged requests only.</summary>
    UserNotAllowed = 0x81,

    /// <summary>82h. Scalable mode: the entries do not allow execution.</summary>
    ExecuteNotAllowed = 0x82,

    /// <summary>83h. Scalable mode: the address is wider than the second stage, or than a physical address where it passes through.</summary>
    ScalableAddressBeyondWidth = 0x83,

    /// <summary>84h. Nested: the result of the first stage is wider than the second.</summary>
    NestedAddressBeyondWidth = 0x84,

    /// <summary>85h. Scalable mode: a write that some entry on the way does not allow.</summary>
    ScalableWriteNotAllowed = 0x85,

    /// <summary>86h. Scalable mode: a read that some entry on the way does not allow.</summary>
    ScalableReadNotAllowed = 0x86,

    /// <summary>87h. Scalable mode: the translation leads to the addresses of interrupts.</summary>
    ScalableInterruptAddress = 0x87,

    /// <summary>91h. First stage: accessed or dirty bits of an entry cannot be set.</summary>
    BitUpdateFailed = 0x91,
}
