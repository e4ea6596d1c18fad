using System.Collections.Concurrent;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;

namespace IommuKit.Checker.Rigs;

/// <summary>How machines of one kind are built to be checked, and what their hardware may do.</summary>
/// <param name="Kind">The IOMMU.</param>
/// <param name="Traits">What the hardware may do on its own.</param>
/// <param name="CreateDecoder">Makes a new decoder of what a driver tells a machine; the place of a device in the list is its number.</param>
public sealed record MachinePlan(
    IommuKind Kind, ShadowTraits Traits, Func<Machine, IReadOnlyList<IommuDevice>, ICommandDecoder> CreateDecoder)
{
    // Machines come and go by the thousand; memory of their size costs more to get than all the rest.
    private readonly ConcurrentBag<PhysicalMemory> _memories = [];

    /// <summary>The physical address of the memory for page tables. Scenarios map to 0x1000_0000 to 0x1fff_ffff.</summary>
    public ulong PoolStart { get; init; } = 1 << 20;

    /// <summary>The devices that are looked at, two of them; null for the driver's first two.</summary>
    public Func<Machine, IEnumerable<IommuDevice>>? Devices { get; init; }

    /// <summary>
    /// The PASIDs by which those devices are attached, one for each; null for what they send without. With PASIDs a device may be there twice.
    /// </summary>
    public IReadOnlyList<int>? Pasids { get; init; }

    /// <summary>How the hardware is asked about an access of a PASID; needed where there are <see cref="Pasids"/>.</summary>
    public Func<Machine, DmaRequest, int, Translation>? TranslatePasid { get; init; }

    /// <summary>
    /// Brings the hardware into the worst state in which it may be before there are domains: what somebody may have left who used it before; or
    /// null. It is given the machine, its devices, and what will be looked at.
    /// </summary>
    public Action<Machine, IReadOnlyList<IommuDevice>, CheckSettings>? Settle { get; init; }

    /// <summary>What stands between the domains that are looked at and their devices; null if nothing does.</summary>
    public TopDomain? OnTop { get; init; }

    /// <summary>How many address spaces are followed, numbered from 0: those that two domains can get, and some to spare.</summary>
    public int Spaces { get; init; } = 4;

    internal IEnumerable<IommuDevice> DevicesOf(Machine machine)
    {
        IommuDevice[] devices = [.. Devices?.Invoke(machine) ?? machine.Driver.Devices.Take(2)];
        return devices.Length == 2
            ? devices
            : throw new InvalidOperationException($"{Kind.Name} has to have two devices that can do DMA to be checked, not {devices.Length}.");
    }

    internal PhysicalMemory? TakeMemory() => _memories.TryTake(out var memory) ? memory : null;

    internal void GiveBack(PhysicalMemory memory) => _memories.Add(memory);
}
