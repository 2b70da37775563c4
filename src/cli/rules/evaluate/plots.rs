//! Plots of an outcome, as SVG: the curve, calibration and bands.

use anyhow::anyhow;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::words::named;
use crate::domain::evaluation::figures::{ClassFigures, OutcomeFigures, PredictorFigures};

const SIZE: (u32, u32) = (800, 580);
const FINE: (&str, i32) = ("sans-serif", 11);
const SMALL: (&str, i32) = ("sans-serif", 14);
const TITLE: (&str, i32) = ("sans-serif", 18);
/// Colours that differ with any colour vision (Okabe and Ito). There are as many curves at most.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];
/// Room above the highest value of an axis.
const ROOM: f64 = 1.15;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The plots of an outcome by name.
pub(super) fn of(figures: &OutcomeFigures) -> anyhow::Result<[(&'static str, String); 3]> {
    Ok([
        ("curve", drawn(|area| curve(area, figures))?),
        ("calibration", drawn(|area| calibration(area, figures))?),
        ("bands", drawn(|area| bands(area, figures))?),
    ])
}

fn drawn(draw: impl FnOnce(&Area<'_>) -> anyhow::Result<()>) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        draw(&area)?;
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

/// Sensitivity by 1 - specificity, with the area of each predictor in the legend.
fn curve(area: &Area<'_>, figures: &OutcomeFigures) -> anyhow::Result<()> {
    let mut chart = chart(area, &figures.name, (1.0, 1.0))?;
    axes(&mut chart, "1 - specificity", "sensitivity")?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (1.0, 1.0)], BLACK.mix(0.3))).map_err(failed)?;
    for (predictor, colour) in with_curves(figures).into_iter().zip(COLOURS) {
        let area = predictor.area.value.map_or("-".to_owned(), |area| format!("{area:.2}"));
        let line = LineSeries::new(predictor.curve.iter().copied(), colour.stroke_width(2));
        chart
            .draw_series(line)
            .map_err(failed)?
            .label(format!("{} {area}", named(predictor)))
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    legend(&mut chart, SeriesLabelPosition::LowerRight)
}

/// The share with the outcome in each tenth of a total, by the share that a model of the other part of the data expects.
fn calibration(area: &Area<'_>, figures: &OutcomeFigures) -> anyhow::Result<()> {
    let tenths = totals(figures).flat_map(|total| &total.calibration);
    let end = highest(tenths.flat_map(|tenth| [tenth.expected, tenth.observed.high, tenth.observed.value]));
    let mut chart = chart(area, &figures.name, (end, end))?;
    axes(&mut chart, "expected share with the outcome", "observed share, with 95 % interval")?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (end, end)], BLACK.mix(0.3))).map_err(failed)?;
    for (total, colour) in totals(figures).zip(COLOURS.into_iter().cycle()) {
        let points: Vec<(f64, &ClassFigures)> =
            total.calibration.iter().filter_map(|tenth| Some((tenth.expected?, tenth))).collect();
        let intervals = points.iter().filter_map(|(expected, tenth)| {
            let (low, high) = (tenth.observed.low?, tenth.observed.high?);
            Some(PathElement::new(vec![(*expected, low), (*expected, high)], colour))
        });
        chart.draw_series(intervals).map_err(failed)?;
        let dots = points
            .iter()
            .filter_map(|(expected, tenth)| Some(Circle::new((*expected, tenth.observed.value?), 4, colour.filled())));
        chart
            .draw_series(dots)
            .map_err(failed)?
            .label(named(total))
            .legend(move |(x, y)| Circle::new((x + 9, y), 4, colour.filled()));
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)
}

/// The share with the outcome in each band of each total.
fn bands(area: &Area<'_>, figures: &OutcomeFigures) -> anyhow::Result<()> {
    let all = || totals(figures).flat_map(|total| &total.bands);
    let end = highest(all().flat_map(|band| [band.observed.high, band.observed.value]));
    let count = u32::try_from(all().count() + totals(figures).count()).unwrap_or(1);
    let mut chart = chart(area, &figures.name, (f64::from(count), end))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .x_desc("low, moderate and high band, with the share of people in it")
        .y_desc("share with the outcome, with 95 % interval")
        .label_style(SMALL)
        .axis_desc_style(SMALL)
        .draw()
        .map_err(failed)?;
    let mut left = 0.5;
    for (total, colour) in totals(figures).zip(COLOURS.into_iter().cycle()) {
        let mut bars = Vec::new();
        for band in &total.bands {
            bars.push((left, band));
            left += 1.0;
        }
        left += 1.0;
        let bar = |(left, band): &(f64, &ClassFigures)| {
            let top = band.observed.value.unwrap_or_default();
            Rectangle::new([(*left + 0.1, 0.0), (*left + 0.9, top)], colour.mix(0.6).filled())
        };
        chart
            .draw_series(bars.iter().map(bar))
            .map_err(failed)?
            .label(named(total))
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 18, y + 5)], colour.mix(0.6).filled()));
        let interval = |(left, band): &(f64, &ClassFigures)| {
            let (low, high) = (band.observed.low?, band.observed.high?);
            Some(PathElement::new(vec![(left + 0.5, low), (left + 0.5, high)], BLACK))
        };
        chart.draw_series(bars.iter().filter_map(interval)).map_err(failed)?;
        let labels = |(left, band): &(f64, &ClassFigures)| {
            let people = band.share.value.map_or(String::new(), |share| format!("{:.0} %", share * 100.0));
            let top = band.observed.high.or(band.observed.value).unwrap_or_default();
            let above = |text: String, lines: f64| Text::new(text, (left + 0.1, top + end * 0.04 * lines), FINE);
            [above(band.class.clone(), 2.0), above(people, 1.0)]
        };
        chart.draw_series(bars.iter().flat_map(labels)).map_err(failed)?;
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)
}

/// The predictors whose curves are drawn: totals, age, age with SARC-F and SARC-F before others.
fn with_curves(figures: &OutcomeFigures) -> Vec<&PredictorFigures> {
    let mut chosen: Vec<&PredictorFigures> = figures.predictors.iter().collect();
    chosen.sort_by_key(|predictor| match &*predictor.predictor {
        "total" => 0,
        "age" => 1,
        "age_with_sarc_f" => 2,
        "sarc_f" => 3,
        _ => 4,
    });
    chosen.truncate(COLOURS.len());
    chosen
}

/// The predictors that have bands.
fn totals(figures: &OutcomeFigures) -> impl Iterator<Item = &PredictorFigures> {
    figures.predictors.iter().filter(|predictor| !predictor.bands.is_empty())
}

/// The end of an axis that has these values.
fn highest(values: impl Iterator<Item = Option<f64>>) -> f64 {
    let highest = values.flatten().fold(0.0, f64::max);
    if highest > 0.0 { highest * ROOM } else { 1.0 }
}

fn chart<'a>(area: &Area<'a>, title: &str, ends: (f64, f64)) -> anyhow::Result<Chart<'a>> {
    let mut builder = ChartBuilder::on(area);
    builder.caption(title, TITLE).margin(14).x_label_area_size(46).y_label_area_size(58);
    builder.build_cartesian_2d(0.0..ends.0, 0.0..ends.1).map_err(failed)
}

fn axes(chart: &mut Chart<'_>, x: &str, y: &str) -> anyhow::Result<()> {
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(x).y_desc(y).label_style(SMALL).axis_desc_style(SMALL);
    mesh.draw().map_err(failed)
}

fn legend(chart: &mut Chart<'_>, position: SeriesLabelPosition) -> anyhow::Result<()> {
    let mut labels = chart.configure_series_labels();
    labels.position(position).background_style(WHITE.mix(0.85)).border_style(BLACK.mix(0.3)).label_font(SMALL);
    labels.draw().map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("a plot cannot be drawn: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::evaluation::figures::Estimate;

    fn estimate(value: f64) -> Estimate {
        Estimate { value: Some(value), low: Some(value - 0.01), high: Some(value + 0.01) }
    }

    fn class(class: &str, observed: f64) -> ClassFigures {
        ClassFigures {
            class: class.to_owned(),
            share: estimate(0.3),
            observed: estimate(observed),
            expected: Some(0.2),
        }
    }

    #[test]
    fn three_plots_name_the_outcome_the_table_and_the_bands() {
        let total = PredictorFigures {
            predictor: "total".to_owned(),
            name: "total".to_owned(),
            rule_table: Some("2099.1".to_owned()),
            people: 100,
            cases: 20,
            settled: None,
            open_points: None,
            area: estimate(0.8),
            cut_offs: Vec::new(),
            bands: vec![class("low", 0.05), class("moderate", 0.1), class("high", 0.4)],
            calibration: vec![class("0 to 3", 0.1)],
            groups: Vec::new(),
            curve: vec![(0.0, 0.0), (0.2, 0.7), (1.0, 1.0)],
        };
        let figures = OutcomeFigures {
            outcome: "weak".to_owned(),
            name: "low grip < 27 kg".to_owned(),
            age_from: 60,
            people: 100,
            cases: 20,
            prevalence: estimate(0.2),
            strata: 1,
            units: 100,
            predictors: vec![total],
            differences: Vec::new(),
        };
        let plots = of(&figures).unwrap();
        assert_eq!(plots.each_ref().map(|plot| plot.0), ["curve", "calibration", "bands"]);
        for (name, svg) in &plots {
            assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
            assert!(svg.contains("low grip &lt; 27 kg") && svg.contains("total 2099.1"), "{name}: {svg}");
        }
        assert!(plots[0].1.contains("total 2099.1 0.80"));
        assert!(plots[2].1.contains("moderate") && plots[2].1.contains("30 %"));
    }
}
