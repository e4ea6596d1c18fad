using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;

namespace IommuKit.Checker;

/// <summary>Says what kind of mistake a wrong answer comes from, by what was flushed since the last store.</summary>
internal static class Diagnosis
{
    public static Verdict VerdictOf(Violation violation, EntryHistory history, CheckTarget target)
    {
        if (violation.IsPosted)
        {
            return Verdict.NotComplete;
        }

        return violation.Source switch
        {
            StaleSource.Route => Verdict.WrongRoute,
            StaleSource.Table => Verdict.WrongTable,
            StaleSource.RouteCache => history.WasEntryTorn ? Verdict.Order
                : history.WasRouteDroppedElsewhere ? Verdict.WrongTarget : Verdict.Missing,
            StaleSource.Translations when history.WasRootReplaced => Verdict.WrongRoute,
            _ when violation.IsForeign && CheckOperation.IsBuffer(violation.Answer, target.Layout.Table.Size) => Verdict.EarlyFree,
            StaleSource.DeviceTlb => history.WasDeviceTlbDropped ? Verdict.Order
                : history.WasOtherDeviceTold ? Verdict.WrongTarget : Verdict.Missing,
            StaleSource.TableCache when history.WasTableCacheDropped => Verdict.Order,
            StaleSource.TableCache when history.WasOtherHalfDropped => Verdict.WrongTarget,
            StaleSource.Translations when history.WasTranslationDroppedRightly =>
                target.HasWalkCache && !history.WasWalkCacheDropped ? Verdict.Missing : Verdict.Order,
            StaleSource.Translations when history.WasTranslationDropped => Verdict.WrongTarget,
            _ => Verdict.Missing,
        };
    }

    public static string CauseOf(Violation violation, Verdict verdict, EntryHistory history, bool hasCoherentWalk) => verdict switch
    {
        Verdict.NotComplete => "nobody waited until the invalidations had taken effect",
        Verdict.WrongRoute when violation.Source == StaleSource.Translations =>
            "the device's entry led to the table of another domain, and what hardware walked there stayed",
        Verdict.WrongRoute => "the device is attached and not translated",
        Verdict.WrongTable => "the page table does not say what was mapped",
        Verdict.EarlyFree => "the table's memory holds something else while hardware may still follow the old pointer to it",
        Verdict.Order => violation.Source switch
        {
            StaleSource.RouteCache => "an entry of a device was visible half stored, with the other half of another domain, and hardware may remember that",
            StaleSource.TableCache => "the table cache dropped the line, and could fetch it again before the store had reached memory",
            StaleSource.DeviceTlb => "the device dropped the translation, and could ask for it again before the TLB had dropped it",
            _ => "the TLB dropped the translation, and could fetch it again from what was not dropped yet",
        },
        Verdict.WrongTarget => violation.Source switch
        {
            StaleSource.TableCache => "the table cache dropped a line at another address",
            StaleSource.RouteCache => "what hardware remembers of the device's entry was dropped under another domain or PASID",
            StaleSource.DeviceTlb => "another device was told to drop the page, or this one under another PASID",
            _ => "the TLB dropped the page of another address space",
        },
        _ => violation.Source switch
        {
            StaleSource.Memory when hasCoherentWalk => "no memory barrier makes the store visible before what follows",
            StaleSource.Memory => history.WasCleaned ? "no barrier waits for the clean" : "the line of the entry was not cleaned after the store",
            StaleSource.RouteCache when violation.Space < 0 =>
                "hardware may remember that the device had no entry, and was not told of the new one after it could be read",
            StaleSource.RouteCache => "what hardware remembers of the device's entry was not dropped after the store",
            StaleSource.DeviceTlb => "the device was not told to drop the translation after the store",
            StaleSource.TableCache => "the line of the entry was not dropped from the table cache after the store",
            _ when history.WasTranslationDroppedRightly => "the pointer to the table was not dropped from the walk cache",
            _ when history.WereOthersDropped => "the translations that were dropped after the store are others than the page's",
            _ => "the translation was not dropped after the store",
        },
    };
}
