using IommuKit.Domains;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>
/// A guest's own address spaces: devices in it are translated by the guest's stage 1 and then by the domain under it, which holds the guest's memory
/// (Config 0b111). Made by <see cref="Smmu3Driver.CreateNestedDomain"/>.
/// </summary>
/// <remarks>
/// <para>The guest maps and unmaps in its tables by itself; what it invalidates, the host passes on by the methods here, which put the VMID in that the
/// guest does not know.</para>
/// <para>All nested domains on one domain are one guest's, with one VMID: an ASID names the same address space in each. A change of the domain under
/// it invalidates what was combined with the guest's stage 1, too, whatever its policy.</para>
/// <para>Devices get no translations to keep (EATS is 0): the host could not tell by which of the guest's addresses they hold what it takes away.</para>
/// </remarks>
public sealed class Smmu3NestedDomain : NestedDomain
{
    private readonly Smmu3Driver _driver;

    internal Smmu3NestedDomain(Smmu3Driver driver, PagingDomain parent, Smmu3AddressSpace space, Smmu3GuestContexts contexts)
        : base(driver, parent)
    {
        _driver = driver;
        Space = space;
        Contexts = contexts;
        driver.Add(this);
    }

    /// <summary>The guest's context descriptors.</summary>
    public Smmu3GuestContexts Contexts { get; }

    /// <inheritdoc/>
    public override ulong ApertureEnd => ulong.MaxValue;

    /// <summary>The space of <see cref="NestedDomain.Parent"/>.</summary>
    internal Smmu3AddressSpace Space { get; }

    /// <summary>Drops what is cached of a range of an address space, and waits until that is done.</summary>
    /// <param name="asid">The guest's ASID. Global pages of the range go with any.</param>
    /// <param name="iova">The first address, a multiple of 4096.</param>
    /// <param name="size">Bytes, a multiple of 4096 and not 0.</param>
    /// <param name="changesTables">Whether pointers to tables changed too, and not only entries that map pages (Leaf is 0 then).</param>
    /// <exception cref="IommuException">The range is misaligned or empty (EINVAL), or wraps around (EOVERFLOW).</exception>
    public void Invalidate(ushort asid, ulong iova, ulong size, bool changesTables)
    {
        _ = LastOf(iova, size);
        _driver.InvalidateNested(this, asid, new Smmu3Range(iova, size, 0, !changesTables));
    }

    /// <summary>Drops everything of an address space but its global pages, and waits until that is done.</summary>
    public void InvalidateAsid(ushort asid) => _driver.InvalidateNested(this, Smmu3CommandCode.DropAsid, asid);

    /// <summary>Drops everything that is cached of the guest's tables, and waits until that is done.</summary>
    public void InvalidateAll() => _driver.InvalidateNested(this, Smmu3CommandCode.DropGuest, 0);

    /// <summary>Drops the guest's context descriptors that were read for devices in this domain, and waits until that is done.</summary>
    public void InvalidateContexts() => _driver.InvalidateContexts(this);
}
