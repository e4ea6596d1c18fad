using System.Globalization;

namespace IommuKit.Traces.Faults;

/// <summary>What the events of an SMMUv3 mean (Arm System Memory Management Unit Architecture Specification version 3, "Event records").</summary>
internal static class SmmuV3Events
{
    private static readonly (uint Id, string Name, FaultEvidence Evidence, bool HasIova, string Words)[] All =
    [
        (0x01, "F_UUT", FaultEvidence.Device, true, "a transaction of a kind that is not supported"),
        (0x02, "C_BAD_STREAMID", FaultEvidence.Device, false, "the stream is outside the stream table"),
        (0x03, "F_STE_FETCH", FaultEvidence.Device, false, "the stream table entry cannot be read"),
        (0x04, "C_BAD_STE", FaultEvidence.Device, false, "the stream table entry is not valid"),
        (0x05, "F_BAD_ATS_TREQ", FaultEvidence.Device, true, "a translation request (ATS) that the stream may not make"),
        (0x06, "F_STREAM_DISABLED", FaultEvidence.Device, false, "the stream is disabled without a substream"),
        (0x07, "F_TRANSL_FORBIDDEN", FaultEvidence.Device, true, "a translated transaction that the stream may not make"),
        (0x08, "C_BAD_SUBSTREAMID", FaultEvidence.Device, false, "the substream is outside the table of contexts"),
        (0x09, "F_CD_FETCH", FaultEvidence.Device, false, "the context descriptor cannot be read"),
        (0x0a, "C_BAD_CD", FaultEvidence.Device, false, "the context descriptor is not valid"),
        (0x0b, "F_WALK_EABT", FaultEvidence.None, true, "a table cannot be read"),
        (0x10, "F_TRANSLATION", FaultEvidence.Absent, true, "there is no entry for the IOVA"),
        (0x11, "F_ADDR_SIZE", FaultEvidence.None, true, "an address is wider than it may be"),
        (0x12, "F_ACCESS", FaultEvidence.Permission, true, "there is an entry, with its access flag clear"),
        (0x13, "F_PERMISSION", FaultEvidence.Permission, true, "there is an entry, and it does not allow the access"),
        (0x20, "F_TLB_CONFLICT", FaultEvidence.None, true, "the TLB holds two translations for the IOVA"),
        (0x21, "F_CFG_CONFLICT", FaultEvidence.Device, false, "the cache of configurations holds two for the stream"),
        (0x24, "E_PAGE_REQUEST", FaultEvidence.None, true, "a hint that a page will be needed"),
        (0x25, "F_VMS_FETCH", FaultEvidence.Device, false, "the structure of the virtual machine cannot be read"),
    ];

    /// <summary>What an event proves, means, and whether it has an IOVA.</summary>
    public static (FaultEvidence Evidence, string Words, bool HasIova) Of(uint id) =>
        All.FirstOrDefault(known => known.Id == id) is { Id: not 0 } found
        ? (found.Evidence, found.Words, found.HasIova)
        : (FaultEvidence.Device, string.Create(CultureInfo.InvariantCulture, $"event 0x{id:x}, which is not known here"), false);

    /// <summary>The same by the event's name, with its number.</summary>
    public static (FaultEvidence Evidence, string Words, bool HasIova, uint? Code) Of(string name) =>
        All.FirstOrDefault(known => string.Equals(known.Name, name, StringComparison.Ordinal)) is { Id: not 0 } found
            ? (found.Evidence, found.Words, found.HasIova, found.Id)
            : (FaultEvidence.Device, $"the event {name}, which is not known here", false, null);
}
