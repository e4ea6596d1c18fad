using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>What is known of the fault that a walk or a fetch met, for its record.</content>
public sealed partial class Smmu3Model<TMemory>
{
    // What is known of the fault that a walk or a fetch met.
    private Fault _fault;

    private static Smmu3EventType NoPage(Smmu3EventType type, out Page page)
    {
        page = default;
        return type;
    }

    private Smmu3EventType FirstFault(Smmu3EventType type, out Page page)
    {
        page = default;
        return Fail(type);
    }

    private Smmu3EventType Fail(Smmu3EventType type)
    {
        _fault = new Fault(IsSecond: false, Smmu3FaultClass.Input);
        return type;
    }

    private Smmu3EventType SecondFault(Smmu3EventType type, Smmu3FaultClass faultClass, ulong address, bool isTableRead = true)
    {
        bool tellsOfTable = type == Smmu3EventType.Permission && faultClass == Smmu3FaultClass.Table;
        _fault = new Fault(IsSecond: true, faultClass, Ipa: address, IsTableRead: tellsOfTable && isTableRead);
        return type;
    }

    private Smmu3EventType WalkAbort(bool isSecond, Smmu3FaultClass faultClass, ulong place)
    {
        _fault = new Fault(isSecond, faultClass, Fetch: place);
        return Smmu3EventType.WalkAbort;
    }

    /// <summary>What a record tells of a fault, beside the transaction.</summary>
    private readonly record struct Fault(
        bool IsSecond, Smmu3FaultClass Class, ulong Ipa = 0, ulong Fetch = 0, bool IsTableRead = false, bool IsBypassed = false,
        bool IsReadDenied = false);
}
