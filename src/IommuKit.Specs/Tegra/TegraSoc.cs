namespace IommuKit.Specs.Tegra;

/// <summary>
/// A Tegra whose memory controller has an SMMU: what differs from one generation to the next.
/// Sources: Linux 6.1 drivers/memory/tegra/tegra{30,114,124,210}.c and drivers/iommu/tegra-smmu.c.
/// </summary>
public sealed class TegraSoc
{
    // Frozen ones would take longer to make, at the start of every command, than they save.
    private readonly Dictionary<string, TegraSwgroup> _swgroupsByName;
    private readonly Dictionary<int, TegraClient> _clientsById;

    private TegraSoc(string name, TegraSwgroup[] swgroups, TegraClient[] clients)
    {
        Name = name;
        Swgroups = swgroups;
        Clients = clients;
        _swgroupsByName = swgroups.ToDictionary(group => group.Name, StringComparer.Ordinal);
        _clientsById = clients.ToDictionary(client => client.Id);
    }

    /// <summary>Tegra30 (2011): 4 address spaces, 32-bit physical addresses.</summary>
    public static TegraSoc Tegra30 { get; } = new("tegra30", Tegra30Clients.Swgroups, Tegra30Clients.Clients)
    {
        AsidBits = 2,
        TlbLines = 16,
        AtomBytes = 16,
        PhysicalBits = 32,
        ClientIdMask = 0x7f,
        InterruptMask = EarlyInterrupts,
        TlbGroupBytes = 16 << 10,
    };

    /// <summary>Tegra114 (2013). The size of its TLB group is not known: 16 KiB here, which is safe either way for a driver.</summary>
    public static TegraSoc Tegra114 { get; } = new("tegra114", Tegra114Clients.Swgroups, Tegra114Clients.Clients)
    {
        AsidBits = 2,
        TlbLines = 32,
        AtomBytes = 32,
        PhysicalBits = 32,
        ClientIdMask = 0x7f,
        InterruptMask = EarlyInterrupts,
        TlbGroupBytes = 16 << 10,
    };

    /// <summary>Tegra124 (2014), and Tegra132, which has the same SMMU: 128 address spaces, 34-bit physical addresses.</summary>
    public static TegraSoc Tegra124 { get; } = new("tegra124", Tegra124Clients.Swgroups, Tegra124Clients.Clients)
    {
        AsidBits = 7,
        TlbLines = 32,
        AtomBytes = 32,
        PhysicalBits = 34,
        ClientIdMask = 0x7f,
        InterruptMask = LateInterrupts,
        TlbGroupBytes = 32 << 10,
        RoundRobinArbitration = true,
        PtcRequestLimit = 8,
    };

    /// <summary>Tegra210 (2015), on which the proposal was measured.</summary>
    public static TegraSoc Tegra210 { get; } = new("tegra210", Tegra210Clients.Swgroups, Tegra210Clients.Clients)
    {
        AsidBits = 7,
        TlbLines = 48,
        AtomBytes = 64,
        PhysicalBits = 34,
        ClientIdMask = 0xff,
        InterruptMask = LateInterrupts,
        TlbGroupBytes = 32 << 10,
        RoundRobinArbitration = true,
        PtcRequestLimit = 8,
    };

    /// <summary>Every SoC here, oldest first.</summary>
    public static IReadOnlyList<TegraSoc> All { get; } = [Tegra30, Tegra114, Tegra124, Tegra210];

    private const uint EarlyInterrupts =
        TegraMc.Interrupt.DecodeErrorEmem | TegraMc.Interrupt.SecurityViolation | TegraMc.Interrupt.InvalidSmmuPage;

    private const uint LateInterrupts = EarlyInterrupts
        | TegraMc.Interrupt.InvalidApbAsidUpdate
        | TegraMc.Interrupt.DecodeErrorVpr
        | TegraMc.Interrupt.SecurityErrorSec
        | TegraMc.Interrupt.DecodeErrorMts;

    /// <summary>The name by which users select the SoC.</summary>
    public string Name { get; }

    /// <summary>Bits in an ASID: 2 or 7. Flush commands place the field by it.</summary>
    public required int AsidBits { get; init; }

    /// <summary>Address spaces that the SMMU can hold.</summary>
    public int AsidCount => 1 << AsidBits;

    /// <summary>Lines of the TLB.</summary>
    public required int TlbLines { get; init; }

    /// <summary>Bytes in one memory-controller atom, which is one line of the page-table cache (PTC).</summary>
    public required int AtomBytes { get; init; }

    /// <summary>Bits of a physical address: 32 or 34.</summary>
    public required int PhysicalBits { get; init; }

    /// <summary>The bits of MC_ERR_STATUS that hold the client id.</summary>
    public required uint ClientIdMask { get; init; }

    /// <summary>The interrupts that Linux unmasks.</summary>
    public required uint InterruptMask { get; init; }

    /// <summary>
    /// Bytes of IOVA that one TLB line covers and one group flush removes. 32 KiB on Tegra124 and later is the likely reading of a manual that
    /// contradicts itself; models and drivers take it as a parameter.
    /// </summary>
    public required int TlbGroupBytes { get; init; }

    /// <summary>Whether TLB_CONFIG has the round-robin arbitration bit.</summary>
    public bool RoundRobinArbitration { get; init; }

    /// <summary>The request limit that Linux programs into PTC_CONFIG; 0 where the field does not exist.</summary>
    public int PtcRequestLimit { get; init; }

    /// <summary>Whether PTC_FLUSH needs the upper physical bits in PTC_FLUSH_HI first.</summary>
    public bool HasPtcFlushHigh => PhysicalBits > 32;

    /// <summary>Whether initialisation is completed by a bit in the AHB arbiter.</summary>
    public bool HasAhbInitDone => PhysicalBits == 32;

    /// <summary>The value that the TLB's ACTIVE_LINES field can hold at most: all bits below the next power of two.</summary>
    public uint TlbLinesMask => (2u << System.Numerics.BitOperations.Log2((uint)TlbLines)) - 1;

    /// <summary>Groups of clients that share an address space.</summary>
    public IReadOnlyList<TegraSwgroup> Swgroups { get; }

    /// <summary>Every memory client.</summary>
    public IReadOnlyList<TegraClient> Clients { get; }

    /// <summary>The group of that name, or null: some clients' groups have no ASID register.</summary>
    public TegraSwgroup? FindSwgroup(string name) => _swgroupsByName.GetValueOrDefault(name);

    /// <summary>The client with that id, or null.</summary>
    public TegraClient? FindClient(int id) => _clientsById.GetValueOrDefault(id);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
