using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Rigs;

/// <summary>
/// A driver and a model with a checker between them, two domains or more, and a device for each. What hardware may do on its own at any time can be
/// made to happen, so that a wrong answer that the checker foresees can be had from the model.
/// </summary>
public abstract class CheckRig : IDisposable
{
    /// <summary>The name of the IOMMU.</summary>
    public abstract string Name { get; }

    /// <summary>The checker.</summary>
    public abstract FlushChecker Checker { get; }

    /// <summary>Bytes in a line of the cache of table memory; 0 if there is none.</summary>
    public abstract int TableCacheLine { get; }

    /// <summary>The domains; the device of the same number belongs to each.</summary>
    public abstract IReadOnlyList<IommuDomain> Domains { get; }

    /// <summary>
    /// If set: receives every access of the driver to the hardware before the checker and the hardware do, and returns whether to leave it out.
    /// </summary>
    public abstract Func<MaintenanceStep, bool>? Filter { get; set; }

    /// <summary>Accesses the hardware as the driver does, past <see cref="Filter"/>.</summary>
    public abstract void Issue(in MaintenanceStep access);

    /// <summary>Makes a decoder of its own for somebody who sees the accesses of the driver apart from the checker.</summary>
    public abstract ICommandDecoder CreateDecoder();

    /// <summary>Attaches a device to the domain of the same number.</summary>
    public abstract void Attach(int device);

    /// <summary>Detaches a device.</summary>
    public abstract void Detach(int device);

    /// <summary>Makes a new domain in the place of one to which no device is attached, and disposes of that.</summary>
    public abstract void Renew(int domain);

    /// <summary>Whether page tables are at an address, or may be; not queues, which hardware reads too.</summary>
    public virtual bool IsOfTables(ulong physicalAddress) => true;

    /// <summary>Stores a word where page tables are, as somebody would who was given the memory.</summary>
    public abstract void Scribble(ulong physicalAddress, ulong value);

    /// <summary>Sets the software bit of all entries in a range, if the format has one.</summary>
    public virtual void MarkVisible(ulong physicalAddress, ulong bytes)
    {
    }

    /// <summary>Reads a table as the CPU sees it.</summary>
    public abstract void ReadTable(ulong physicalAddress, Span<byte> table);

    /// <summary>The table of pages that a domain has for an IOVA, as the CPU sees it; null if there is none, or nobody knows.</summary>
    public virtual ulong? TableOf(int domain, ulong iova) => null;

    /// <summary>Stores the entry of a page in a table of pages, as somebody would who was given the table's memory.</summary>
    public virtual void ScribbleLeaf(ulong table, ulong iova, ulong physicalAddress)
    {
    }

    /// <summary>Lets register writes under way take effect.</summary>
    public abstract void SettleWrites();

    /// <summary>Writes dirty lines of page tables back, as a cache may.</summary>
    public abstract void WriteBackTables();

    /// <summary>Writes the line around an address back, if it is dirty.</summary>
    public abstract void WriteBack(ulong physicalAddress);

    /// <summary>Lets the table cache forget the line around an address.</summary>
    public abstract void EvictTableLine(ulong physicalAddress);

    /// <summary>Lets the TLB, and the walk cache if there is one, forget everything.</summary>
    public abstract void EvictTranslations();

    /// <summary>Lets a device do DMA in the model.</summary>
    /// <param name="device">The device.</param>
    /// <param name="iova">The address it uses.</param>
    /// <param name="isWrite">Whether it writes.</param>
    /// <returns>The physical address that it reached, or null if the model refused.</returns>
    public abstract ulong? Access(int device, ulong iova, bool isWrite);

    /// <summary>
    /// How often hardware has waited for all accesses under way; null if it is not known. As long as it is the same, an access from before may still reach
    /// memory.
    /// </summary>
    public virtual long? Drains => null;

    /// <inheritdoc/>
    public abstract void Dispose();
}
