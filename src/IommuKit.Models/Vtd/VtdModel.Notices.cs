using IommuKit.Models.Dma;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>What is told to those who keep translations outside of the model.</content>
public sealed partial class VtdModel<TMemory>
{
    // Of the descriptor that is being done. Set under the lock, and told by the one thread that processes.
    private InvalidationNotice _notice;

    /// <inheritdoc/>
    public Action<InvalidationNotice>? Invalidated { get; set; }

    // The addresses of second stages are not those of devices where a first stage may be on top. What the model holds of nested translations does not
    // tell what others do.
    private bool MayNest => _ecap.Nested && _tableMode == VtdTableMode.Scalable;

    private void TellEverything() => Invalidated?.Invoke(new InvalidationNotice(InvalidationScope.Everything));

    /// <summary>What a descriptor that the unit does alone makes invalid. Under the lock.</summary>
    /// <returns>False if it is none that anybody outside has to know of.</returns>
    private bool TryNotice(in VtdInvalidationDescriptor descriptor, out InvalidationNotice notice)
    {
        notice = descriptor.Type switch
        {
            VtdInvalidationType.ContextCache => OfContexts(
                descriptor.Granularity, descriptor.DomainId, descriptor.SourceId, descriptor.FunctionMask),
            VtdInvalidationType.Iotlb => OfTranslations(descriptor.Granularity, descriptor.DomainId, descriptor),
            VtdInvalidationType.PasidIotlb when descriptor.Granularity == VtdGranularity.Selective =>
                OfPages(descriptor.DomainId, descriptor) with { Substream = descriptor.Pasid },
            VtdInvalidationType.PasidIotlb => OfDomain(descriptor.DomainId) with { Substream = descriptor.Pasid },

            // Of pc_inv, 00 is the domain, and 01 a PASID within it.
            VtdInvalidationType.PasidCache when descriptor.Granularity == VtdGranularity.Reserved => OfDomain(descriptor.DomainId),
            VtdInvalidationType.PasidCache when descriptor.Granularity == VtdGranularity.Global =>
                OfDomain(descriptor.DomainId) with { Substream = descriptor.Pasid },
            _ => new InvalidationNotice(InvalidationScope.Everything),
        };
        return descriptor.Type != VtdInvalidationType.InterruptEntryCache;
    }

    /// <summary>What a register write that had these effects makes invalid. Under the lock that it was made under.</summary>
    private InvalidationNotice NoticeOf(Effects effects) => (effects & (Effects.ChangeMode | Effects.Contexts | Effects.Iotlb)) switch
    {
        Effects.Contexts => OfContexts(
            ActualOf(_contextCommand, VtdRegister.ContextCommandBits.ActualShift),
            (ushort)_contextCommand,
            (ushort)(_contextCommand >> 16),
            (int)(_contextCommand >> 32) & 3),
        Effects.Iotlb => OfTranslations(
            ActualOf(_iotlbCommand, VtdRegister.IotlbBits.ActualShift),
            (ushort)(_iotlbCommand >> VtdRegister.IotlbBits.DomainShift),
            new VtdInvalidationDescriptor(0, _iotlbAddress, 0, 0)),
        _ => new InvalidationNotice(InvalidationScope.Everything),
    };

    private static VtdGranularity ActualOf(ulong command, int shift) => (VtdGranularity)((command >> shift) & 3);

    private InvalidationNotice OfContexts(VtdGranularity granularity, ushort domain, ushort source, int functionMask)
    {
        switch (granularity)
        {
            case VtdGranularity.Domain when _tableMode == VtdTableMode.Legacy:
                return OfDomain(domain);
            case VtdGranularity.Selective:
                ushort ignored = IgnoredFunctionBits(functionMask);
                return new InvalidationNotice(
                    InvalidationScope.Stream, FirstStream: (uint)source & ~(uint)ignored, LastStream: (uint)source | ignored);
            default:
                return new InvalidationNotice(InvalidationScope.Everything);
        }
    }

    private InvalidationNotice OfTranslations(VtdGranularity granularity, ushort domain, in VtdInvalidationDescriptor page) => granularity switch
    {
        VtdGranularity.Selective when !MayNest => OfPages(domain, page),
        VtdGranularity.Selective or VtdGranularity.Domain => OfDomain(domain),
        _ => new InvalidationNotice(InvalidationScope.Everything),
    };

    private static InvalidationNotice OfDomain(ushort domain) => new(InvalidationScope.AddressSpace, Domain: domain);

    private static InvalidationNotice OfPages(ushort domain, in VtdInvalidationDescriptor page) =>
        new(InvalidationScope.Pages, page.Address, page.LastAddress, Domain: domain, LeavesOnly: page.InvalidationHint);

    private static InvalidationNotice NoticeOf(in VtdDeviceTlbInvalidation device) => new(
        InvalidationScope.Pages,
        device.Address,
        device.LastAddress,
        device.Source,
        device.Source,
        device is { IsGlobal: false, Pasid: { } pasid } ? (uint)pasid : null,
        IsOfDeviceTlb: true);
}
