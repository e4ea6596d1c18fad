using IommuKit.Specs.Vtd;

namespace IommuKit.Traces.Audit;

/// <summary>
/// Devices that come or go. When a device's context entry changes, its domain is flushed in any case.
/// </summary>
internal sealed class ContextChanges
{
    private ushort _unit;
    private ushort _domainId;
    private bool _isOpen;

    /// <summary>Notes an event of an invalidation.</summary>
    public void Note(in TraceEvent traceEvent)
    {
        if (traceEvent.Kind != TraceEventKind.QueueSubmit)
        {
            return;
        }

        var descriptor = traceEvent.Descriptor;
        if (!descriptor.IsDefinedType)
        {
            _isOpen = false;
        }
        else if (descriptor.Type == VtdInvalidationType.ContextCache)
        {
            _unit = traceEvent.Unit;
            _domainId = descriptor.DomainId;
            _isOpen = descriptor.Granularity != VtdGranularity.Reserved;
        }
        else
        {
            _isOpen &= descriptor.Type is VtdInvalidationType.Iotlb or VtdInvalidationType.PasidIotlb or VtdInvalidationType.PasidCache
                && _unit == traceEvent.Unit
                && (_domainId == 0 || descriptor.Granularity == VtdGranularity.Global || _domainId == descriptor.DomainId);
        }
    }

    /// <summary>
    /// Whether an invalidation of the IOTLB that comes now is there because a device came or went; one change explains one invalidation.
    /// </summary>
    public bool Take()
    {
        bool isOpen = _isOpen;
        _isOpen = false;
        return isOpen;
    }

    /// <summary>Forgets what went before, as events are missing.</summary>
    public void Forget() => _isOpen = false;
}
