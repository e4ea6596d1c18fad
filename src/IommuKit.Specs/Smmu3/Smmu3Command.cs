namespace IommuKit.Specs.Smmu3;

/// <summary>A command of the command queue (IHI 0070, chapter 4).</summary>
/// <param name="Lower">Bits 63:0: the opcode in 7:0, and operands by the opcode.</param>
/// <param name="Upper">Bits 127:64: an address in 63:12, and operands by the opcode.</param>
public readonly record struct Smmu3Command(ulong Lower, ulong Upper)
{
    /// <summary>Bytes of a command.</summary>
    public const int Bytes = 16;

    private const ulong SubstreamValid = 1ul << 11;

    /// <summary>The opcode, whether there is such a command or not.</summary>
    public Smmu3CommandCode Code => (Smmu3CommandCode)(byte)Lower;

    /// <summary>SSec: for the secure state.</summary>
    public bool IsSecure => (Lower >> 10 & 1) != 0;

    /// <summary>StreamID.</summary>
    public uint StreamId => (uint)(Lower >> 32);

    /// <summary>SubstreamID.</summary>
    public uint SubstreamId => (uint)(Lower >> 12) & 0xf_ffff;

    /// <summary>SSV: the SubstreamID counts.</summary>
    public bool HasSubstream => (Lower & SubstreamValid) != 0;

    /// <summary>Leaf: pointers to tables, or to tables of descriptors, stay.</summary>
    public bool IsLeaf => (Upper & 1) != 0;

    /// <summary>Range of CFGI_STE_RANGE: 2^(Range + 1) streams; 31 for all.</summary>
    public int Range => (int)Upper & 0x1f;

    /// <summary>VMID.</summary>
    public ushort Vmid => (ushort)(Lower >> 32);

    /// <summary>ASID.</summary>
    public ushort Asid => (ushort)(Lower >> 48);

    /// <summary>Address of an invalidation.</summary>
    public ulong Address => Upper & ~0xffful;

    /// <summary>NUM.</summary>
    public int Number => (int)(Lower >> 12) & 0x1f;

    /// <summary>SCALE; its top bit exists with 52-bit addresses of small granules alone.</summary>
    public int Scale => (int)(Lower >> 20) & 0x3f;

    /// <summary>TG: 0 for one address, otherwise 1 4 KiB, 2 16 KiB, 3 64 KiB.</summary>
    public int Granule => (int)(Upper >> 10) & 3;

    /// <summary>TTL: the level of the leaves that are meant, or 0.</summary>
    public int Level => (int)(Upper >> 8) & 3;

    /// <summary>Size of ATC_INV: 2^Size pages of 4 KiB; 52 and more for all.</summary>
    public int DeviceSize => (int)Upper & 0x3f;

    /// <summary>Global of ATC_INV: in all substreams.</summary>
    public bool IsGlobal => (Lower >> 9 & 1) != 0;

    /// <summary>PRGIndex of PRI_RESP.</summary>
    public int PageGroup => (int)Upper & 0x1ff;

    /// <summary>Resp of PRI_RESP: 0 failure, 1 invalid, 2 success.</summary>
    public int Response => (int)(Upper >> 12) & 3;

    /// <summary>Ac of RESUME: try again.</summary>
    public bool IsRetry => (Lower >> 12 & 1) != 0;

    /// <summary>Ab of RESUME: abort, where it is not to be tried again; otherwise zeros.</summary>
    public bool IsAbort => (Lower >> 13 & 1) != 0;

    /// <summary>STAG of RESUME.</summary>
    public ushort StallTag => (ushort)Upper;

    /// <summary>CS of SYNC: 0 nothing, 1 an interrupt, 2 an event for waiting CPUs.</summary>
    public int Signal => (int)(Lower >> 12) & 3;

    /// <summary>MSIData of SYNC.</summary>
    public uint MessageData => (uint)(Lower >> 32);

    /// <summary>MSIAddress of SYNC; 0 for none.</summary>
    public ulong MessageAddress => Upper & 0x00ff_ffff_ffff_fffc;

    /// <summary>Drops a stream's entry.</summary>
    public static Smmu3Command DropStream(uint stream, bool leaf = true) => Of(Smmu3CommandCode.DropStream, stream, leaf ? 1ul : 0);

    /// <summary>Drops the entries of 2^(range + 1) streams; 31 for all.</summary>
    public static Smmu3Command DropStreams(uint stream, int range) => Of(Smmu3CommandCode.DropStreams, stream, (uint)range & 0x1f);

    /// <summary>Drops a context descriptor.</summary>
    public static Smmu3Command DropContext(uint stream, uint substream, bool leaf = true) =>
        new((ulong)Smmu3CommandCode.DropContext | (substream & 0xf_ffff) << 12 | ((ulong)stream << 32), leaf ? 1ul : 0);

    /// <summary>Drops the context descriptors of a stream.</summary>
    public static Smmu3Command DropContexts(uint stream) => Of(Smmu3CommandCode.DropContexts, stream, 0);

    /// <summary>An invalidation by VMID, by ASID, or of all.</summary>
    public static Smmu3Command Drop(Smmu3CommandCode code, ushort vmid = 0, ushort asid = 0) =>
        new((ulong)code | ((ulong)vmid << 32) | ((ulong)asid << 48), 0);

    /// <summary>An invalidation by address.</summary>
    /// <param name="code">Which.</param>
    /// <param name="address">The address, a multiple of 4096.</param>
    /// <param name="vmid">The VMID.</param>
    /// <param name="asid">The ASID.</param>
    /// <param name="leaf">Whether pointers to tables stay.</param>
    /// <param name="granule">TG.</param>
    /// <param name="number">NUM.</param>
    /// <param name="scale">SCALE.</param>
    /// <param name="level">TTL.</param>
    public static Smmu3Command DropAddress(
        Smmu3CommandCode code,
        ulong address,
        ushort vmid = 0,
        ushort asid = 0,
        bool leaf = false,
        int granule = 0,
        int number = 0,
        int scale = 0,
        int level = 0) => new(
        Drop(code, vmid, asid).Lower | ((ulong)(uint)number << 12) | ((ulong)(uint)scale << 20),
        (address & ~0xffful) | (leaf ? 1ul : 0) | ((ulong)(uint)level << 8) | ((ulong)(uint)granule << 10));

    /// <summary>Has a device drop translations.</summary>
    /// <param name="stream">The device.</param>
    /// <param name="address">The first address, aligned to the size.</param>
    /// <param name="sizeLog2">Log2 of the pages; 52 for all.</param>
    /// <param name="substream">The substream, or null.</param>
    public static Smmu3Command DropDeviceTlb(uint stream, ulong address, int sizeLog2, uint? substream = null) => new(
        (ulong)Smmu3CommandCode.DropDeviceTlb | ((ulong)stream << 32) | (substream is { } id ? SubstreamValid | (id & 0xf_ffff) << 12 : 0),
        (address & ~0xffful) | (uint)sizeLog2);

    /// <summary>Answers page requests.</summary>
    public static Smmu3Command RespondToPages(uint stream, uint? substream, int group, int response) => new(
        (ulong)Smmu3CommandCode.RespondToPages | ((ulong)stream << 32) | (substream is { } id ? SubstreamValid | (id & 0xf_ffff) << 12 : 0),
        (uint)group | ((ulong)(uint)response << 12));

    /// <summary>Ends a stall.</summary>
    public static Smmu3Command Resume(uint stream, ushort tag, bool isRetry, bool isAbort) =>
        Of(Smmu3CommandCode.Resume, stream, tag, (isRetry ? 1ul << 12 : 0) | (isAbort ? 1ul << 13 : 0));

    /// <summary>Ends the stalls of a stream.</summary>
    public static Smmu3Command TerminateStalls(uint stream) => Of(Smmu3CommandCode.TerminateStalls, stream, 0);

    /// <summary>Waits for what came before.</summary>
    /// <param name="signal">CS.</param>
    /// <param name="messageAddress">Where a message goes, or 0.</param>
    /// <param name="messageData">The message.</param>
    public static Smmu3Command Sync(int signal = 0, ulong messageAddress = 0, uint messageData = 0) =>
        new((ulong)Smmu3CommandCode.Sync | ((ulong)(uint)signal << 12) | ((ulong)messageData << 32), messageAddress);

    private static Smmu3Command Of(Smmu3CommandCode code, uint stream, ulong upper, ulong flags = 0) =>
        new((ulong)code | ((ulong)stream << 32) | flags, upper);
}
