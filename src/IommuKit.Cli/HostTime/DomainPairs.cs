using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Cli.HostTime;

/// <summary>Maps and unmaps of a domain: checks, engine, policy and the call of a listener. Each slot is one range.</summary>
/// <param name="domain">The domain.</param>
/// <param name="iovas">Where the slots start.</param>
/// <param name="range">What every slot is mapped to.</param>
internal sealed class DomainPairs(IommuDomain domain, ulong[] iovas, PhysicalRange range) : PairWork
{
    public override int Slots => iovas.Length;

    public override void Map()
    {
        int errors = 0;
        foreach (ulong iova in iovas)
        {
            errors |= (int)domain.TryMap(iova, range.Address, range.Length, Protection.Read | Protection.Write);
        }

        Check(errors == 0);
    }

    public override void Unmap()
    {
        ulong missing = 0;
        foreach (ulong iova in iovas)
        {
            missing |= domain.Unmap(iova, range.Length) ^ range.Length;
        }

        Check(missing == 0);
    }

    public override void Verify(bool isMapped)
    {
        foreach (ulong iova in iovas)
        {
            for (ulong offset = 0; offset < range.Length; offset += domain.Granule)
            {
                bool isFound = domain.TryTranslate(iova + offset, out ulong physicalAddress);
                Check(isFound == isMapped && (!isFound || physicalAddress == range.Address + offset));
            }
        }
    }
}
