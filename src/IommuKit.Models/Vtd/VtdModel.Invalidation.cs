using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>What invalidations drop, by the queue or by registers (VT-d specification, section 6.5).</content>
/// <remarks>
/// A command drops what it names and no more, but for one thing: the second stage of nested translations cannot be told apart by the address that the
/// device used, so that a page of it takes all nested translations of its domain along.
/// </remarks>
public sealed partial class VtdModel<TMemory>
{
    // A space of cached translations: the bit that all have, how they were made, the PASID (0 for the second stage alone), and the domain.
    private const ulong KindMask = 3ul << 36;
    private const ulong SecondKind = 0;
    private const ulong FirstKind = 1ul << 36;
    private const ulong NestedKind = 2ul << 36;
    private const ulong DomainMask = 0xffff;
    private const int PasidShift = 16;
    private const ulong PasidMask = 0xf_fffful << PasidShift;
    private const ulong WholeSpace = ulong.MaxValue;
    private const int PageShift = 12;

    // Whether a nested translation may be cached.
    private bool _hasNested;

    private static ulong SpaceOf(ulong kind, ushort domain, int pasid) =>
        VtdCache.Valid | kind | ((ulong)(uint)pasid << PasidShift) | domain;

    private void DropContexts(VtdGranularity granularity, ushort domain, ushort source, int functionMask)
    {
        switch (granularity)
        {
            // Entries of scalable mode have no domain.
            case VtdGranularity.Domain when _tableMode == VtdTableMode.Legacy:
                _contexts.Drop(VtdCache.Valid | domain, VtdCache.Valid | DomainMask);
                break;
            case VtdGranularity.Selective:
                // In legacy mode the domain that the entry had is compared too: 0 for what was not present.
                int ignored = IgnoredFunctionBits(functionMask);
                ulong compared = _tableMode == VtdTableMode.Legacy ? VtdCache.Valid | DomainMask : VtdCache.Valid;
                for (int function = 0; function < 8; function++)
                {
                    if ((function & ~ignored) == 0)
                    {
                        ulong key = (uint)((source & ~ignored) | function);
                        _contexts.Drop((VtdCache.Valid | domain) & compared, compared, key, key);
                    }
                }

                break;
            default:
                _contexts.Clear();
                break;
        }
    }

    // FM: none, the highest, the two highest or all three bits of the function are not compared.
    private static ushort IgnoredFunctionBits(int functionMask) => (ushort)((0x7640 >> (4 * functionMask)) & 7);

    private void DropTranslations(VtdGranularity granularity, ushort domain, ulong first, ulong last, bool keepsTables)
    {
        switch (granularity)
        {
            case VtdGranularity.Domain:
                // Translations of the first stage alone have descriptors of their own.
                DropAll(SpaceOf(SecondKind, domain, 0), KindMask | DomainMask | VtdCache.Valid);
                DropNested(domain);
                break;
            case VtdGranularity.Selective:
                ulong space = SpaceOf(SecondKind, domain, 0);
                DropPages(space, first, last);
                if (!keepsTables)
                {
                    DropTables(space, first, last);
                }

                DropNested(domain);
                break;
            default:
                DropTranslations();
                break;
        }
    }

    private void DropNested(ushort domain)
    {
        if (_hasNested)
        {
            DropAll(SpaceOf(NestedKind, domain, 0), KindMask | DomainMask | VtdCache.Valid);
        }
    }

    private void DropPasidTranslations(in VtdInvalidationDescriptor descriptor)
    {
        var (domain, pasid) = (descriptor.DomainId, (int)descriptor.Pasid);
        DropPasidTranslations(descriptor, SpaceOf(FirstKind, domain, pasid));
        if (_hasNested)
        {
            DropPasidTranslations(descriptor, SpaceOf(NestedKind, domain, pasid));
        }
    }

    private void DropPasidTranslations(in VtdInvalidationDescriptor descriptor, ulong space)
    {
        if (descriptor.Granularity == VtdGranularity.Domain)
        {
            DropAll(space, WholeSpace);
            return;
        }

        DropPages(space, descriptor.Address, descriptor.LastAddress);
        if (!descriptor.InvalidationHint)
        {
            DropTables(space, descriptor.Address, descriptor.LastAddress);
        }
    }

    private void DropAll(ulong space, ulong spaceMask)
    {
        _pages.Drop(space, spaceMask);
        _pages2M.Drop(space, spaceMask);
        _pages1G.Drop(space, spaceMask);
        foreach (var tables in _tables)
        {
            tables.Drop(space, spaceMask);
        }
    }

    private void DropPages(ulong space, ulong first, ulong last)
    {
        _pages.Drop(space, WholeSpace, first >> PageShift, last >> PageShift);
        _pages2M.Drop(space, WholeSpace, first >> ShiftOf(1), last >> ShiftOf(1));
        _pages1G.Drop(space, WholeSpace, first >> ShiftOf(2), last >> ShiftOf(2));
    }

    private void DropTables(ulong space, ulong first, ulong last)
    {
        for (int level = 1; level < _tables.Length; level++)
        {
            _tables[level].Drop(space, WholeSpace, first >> ShiftOf(level), last >> ShiftOf(level));
        }
    }

    private void DropPasids(in VtdInvalidationDescriptor descriptor)
    {
        ulong domain = VtdCache.Valid | descriptor.DomainId;
        switch (descriptor.Granularity)
        {
            // Of pc_inv, 00 is the domain, and 01 a PASID within it.
            case VtdGranularity.Reserved:
                _pasids.Drop(domain, VtdCache.Valid | DomainMask);
                break;
            case VtdGranularity.Global:
                _pasids.Drop(domain | ((ulong)descriptor.Pasid << PasidShift), VtdCache.Valid | DomainMask | PasidMask);
                break;
            default:
                _pasids.Clear();
                break;
        }
    }

    private void DropInterrupts(in VtdInvalidationDescriptor descriptor)
    {
        if (!descriptor.IsIndexSelective)
        {
            _interrupts.Clear();
            return;
        }

        ulong below = (1ul << descriptor.IndexMask) - 1;
        ulong first = (ulong)(uint)descriptor.InterruptIndex & ~below;
        _interrupts.Drop(VtdCache.Valid, VtdCache.Valid, first, first | below);
    }

    /// <summary>Begins what CCMD asks for. It waits for no access: a command of the IOTLB has to follow.</summary>
    private Effects BeginContextCommand()
    {
        if ((_contextCommand & VtdRegister.ContextCommandBits.Invalidate) == 0)
        {
            return Effects.None;
        }

        _drops++;
        var effects = Effects.Command;
        var granularity = (VtdGranularity)((_contextCommand >> VtdRegister.ContextCommandBits.RequestShift) & 3);
        _contextCommand &= ~(3ul << VtdRegister.ContextCommandBits.ActualShift);

        // While the queue is used, and for what is reserved, nothing is done and 0 reported.
        if (!IsQueueEnabled && granularity != VtdGranularity.Reserved)
        {
            DropContexts(granularity, (ushort)_contextCommand, (ushort)(_contextCommand >> 16), (int)(_contextCommand >> 32) & 3);
            _contextCommand |= (ulong)granularity << VtdRegister.ContextCommandBits.ActualShift;
            effects |= Effects.Contexts;
        }

        return effects;
    }

    /// <summary>Begins what the IOTLB register asks for; where it drains, it ends when accesses from before have.</summary>
    private Effects BeginIotlbCommand()
    {
        if ((_iotlbCommand & VtdRegister.IotlbBits.Invalidate) == 0)
        {
            return Effects.None;
        }

        _drops++;
        bool drains = _unit.Drains(
            (_iotlbCommand & VtdRegister.IotlbBits.DrainReads) != 0, (_iotlbCommand & VtdRegister.IotlbBits.DrainWrites) != 0);
        var effects = drains ? Effects.Command | Effects.Drain : Effects.Command;
        var granularity = (VtdGranularity)((_iotlbCommand >> VtdRegister.IotlbBits.RequestShift) & 3);
        _iotlbCommand &= ~(3ul << VtdRegister.IotlbBits.ActualShift);

        // The address register has the form of a descriptor's second quadword.
        var page = new VtdInvalidationDescriptor(0, _iotlbAddress, 0, 0);
        bool isPossible = granularity == VtdGranularity.Selective
            ? _cap.PageSelectiveInvalidation && page.AddressMask <= _cap.MaxAddressMask
            : granularity != VtdGranularity.Reserved;
        if (!IsQueueEnabled && isPossible)
        {
            ushort domain = (ushort)(_iotlbCommand >> VtdRegister.IotlbBits.DomainShift);
            DropTranslations(granularity, domain, page.Address, page.LastAddress, page.InvalidationHint);
            _iotlbCommand |= (ulong)granularity << VtdRegister.IotlbBits.ActualShift;
            effects |= Effects.Iotlb;
        }

        return effects;
    }

    private void EndCommands()
    {
        _contextCommand &= ~VtdRegister.ContextCommandBits.Invalidate;
        _iotlbCommand &= ~VtdRegister.IotlbBits.Invalidate;
    }

    private static int ShiftOf(int level) => PageShift + (9 * level);
}
