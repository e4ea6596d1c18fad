using IommuKit.Specs.Vtd;

namespace IommuKit.Traces;

/// <summary>
/// What the events of VT-d's driver show of the unit and its use. Each is a sure sign; that one is missing says nothing, as it may not have been
/// recorded.
/// </summary>
internal sealed class VtdSigns
{
    /// <summary>
    /// Whether hardware is in caching mode: the context cache was invalidated for domain 0, which tags what hardware caches of entries that are not
    /// present (VT-d specification, section 6.1), or the kernel said that it flushes because of a map. Linux does either in that mode only.
    /// </summary>
    public bool HasCachingMode { get; private set; }

    /// <summary>
    /// Whether pages of the first stage were invalidated. All that is cached of a PASID is invalidated when a device leaves a second stage, too.
    /// </summary>
    public bool HasFirstStage { get; private set; }

    /// <summary>Whether TLBs of devices were invalidated.</summary>
    public bool HasDeviceTlbs { get; private set; }

    /// <summary>Those that were seen, as <see cref="RecordedTraits"/> calls them; first what matters most where no model has all.</summary>
    public IReadOnlyList<string> Names =>
    [
        .. HasCachingMode ? [RecordedTraits.CachingMode] : Array.Empty<string>(),
        .. HasFirstStage ? [RecordedTraits.FirstStage] : Array.Empty<string>(),
        .. HasDeviceTlbs ? [RecordedTraits.DeviceTlbs] : Array.Empty<string>(),
    ];

    /// <summary>Takes note of an event.</summary>
    public void See(in TraceEvent traceEvent)
    {
        if (traceEvent.Kind == TraceEventKind.CacheTagFlush)
        {
            HasCachingMode |= traceEvent.Flush.HasFlag(CacheTagFlush.AfterMap);
            HasDeviceTlbs |= traceEvent.Flush.HasFlag(CacheTagFlush.DeviceTlb);
        }
        else if (traceEvent is { Kind: TraceEventKind.QueueSubmit, Descriptor.IsDefinedType: true })
        {
            See(traceEvent.Descriptor);
        }
    }

    private void See(in VtdInvalidationDescriptor descriptor)
    {
        switch (descriptor.Type)
        {
            case VtdInvalidationType.ContextCache:
                HasCachingMode |= descriptor is { DomainId: 0, Granularity: VtdGranularity.Domain or VtdGranularity.Selective };
                break;
            case VtdInvalidationType.PasidIotlb:
                HasFirstStage |= descriptor.Granularity == VtdGranularity.Selective;
                break;
            case VtdInvalidationType.DeviceTlb or VtdInvalidationType.PasidDeviceTlb:
                HasDeviceTlbs = true;
                break;
        }
    }
}
