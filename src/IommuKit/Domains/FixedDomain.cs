using System.Numerics;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Domains;

/// <summary>
/// A domain in which nothing can be mapped: <see cref="IommuDriver.IdentityDomain"/>, where a device uses physical addresses as they are, or
/// <see cref="IommuDriver.BlockedDomain"/>, where it reaches nothing.
/// </summary>
public sealed class FixedDomain : UnmappableDomain
{
    internal FixedDomain(IommuDriver driver, bool isIdentity)
        : base(driver)
    {
        IsIdentity = isIdentity;
        driver.Add(this);
    }

    /// <summary>Whether every IOVA is the physical address; if not, none leads anywhere.</summary>
    public bool IsIdentity { get; }

    /// <inheritdoc/>
    public override ulong PageSizes => Driver.Traits.PageSizes;

    /// <inheritdoc/>
    public override ulong ApertureEnd => ulong.MaxValue >> (64 - (IsIdentity ? Driver.Traits.OutputBits : Driver.Traits.InputBits));

    /// <inheritdoc/>
    public override bool TryTranslate(ulong iova, out ulong physicalAddress)
    {
        physicalAddress = iova;
        return IsIdentity && iova <= ApertureEnd;
    }

    /// <inheritdoc/>
    public override bool TryFind(ulong iova, out PageMapping mapping)
    {
        mapping = new PageMapping(iova, BitOperations.TrailingZeroCount(PageSizes), Protection.Read | Protection.Write);
        return IsIdentity && iova <= ApertureEnd;
    }

    /// <inheritdoc/>
    public override bool TryFindNext(ulong iova, ulong last, out ulong mapped)
    {
        mapped = iova;
        return IsIdentity && iova <= Math.Min(last, ApertureEnd);
    }
}
